import { Ending } from './server/ending.js'
import { assertEnoughOpenFiles } from './server/open-files.js'

// Shorter than the thirty seconds after which Kubernetes kills. Some four are enough, unless the disk hangs.
const CLOSE_MS = 25_000

// What the gateway writes is for its own user alone.
process.umask(0o077)

const ending = new Ending(CLOSE_MS, error => fail(error instanceof Error ? error.stack : error))
try {
  assertEnoughOpenFiles()
} catch (error) {
  fail((error as Error).message)
}
// Only now, since to load the rest takes many open files at once.
const { run } = await import('./run.js')
await run(ending)

function fail (reason: unknown): never {
  process.stderr.write(`ectx: ${reason}\n`)
  process.exit(1)
}
