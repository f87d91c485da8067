// Runs the test files that the variable TEST_FILES names, one after the other in this process. The argument is what tap calls
// the directories of their tests after: another process that runs meanwhile has another.
import { resolve } from 'node:path'
import t from 'tap'

const LONGEST_MS = Number(process.env.TAP_TIMEOUT) * 1000
const files = process.env.TEST_FILES.split('\n')
next()

/** A test loads the file. When it has ended the tests of that file run, and then the next file is loaded. */
function next () {
  const file = files.shift()
  if (file === undefined) return
  t.test(`${file} is loaded`, async () => {
    // For this file anew.
    t.setTimeout(LONGEST_MS)
    const before = t.counts.total + 1
    try {
      await import(resolve(file))
    } finally {
      t.test(`${file} has tests`, async test => test.ok(t.counts.total > before))
      next()
    }
  })
}
