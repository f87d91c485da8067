// What `npm test` shows of the TAP that the tests print: each file, what failed, and the counts. tap's own reporters draw the
// screen anew after every assertion, which takes a good part of the time that the tests take.
import { Transform } from 'node:stream'

const FILE = /^ {4}ok /
const PASSED = /^ *(?:ok |1\.\.|# Subtest: |# time=|$)/

export default class Reporter extends Transform {
  #rest = ''

  _transform (chunk, encoding, done) {
    const lines = (this.#rest + chunk).split('\n')
    this.#rest = lines.pop()
    const shown = lines.filter(line => FILE.test(line) || !PASSED.test(line))
    done(null, shown.map(line => `${line}\n`).join(''))
  }
}
