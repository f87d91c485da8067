import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { progressOn } from '../../../src/cli/copy/progress.js'

for (const isTTY of [true, false]) {
  t.test(isTTY ? 'a bar on a terminal' : 'nothing elsewhere', async t => {
    const stream = Object.assign(new PassThrough(), { isTTY, columns: 120, rows: 24 })
    const progress = progressOn(stream as unknown as NodeJS.WriteStream)
    t.equal(progress.isShown, isTTY)
    progress.begin('copying', 40)
    progress.add(10)
    progress.add(30)
    progress.end()
    stream.end()
    const shown = await text(stream)
    if (isTTY) t.match(shown, /copying \[=+\] 100% \| 40 of 40/)
    else t.equal(shown, '')
  })
}
