// `npm run bench`: against a bare server, or with `-- --against REV` against another commit.
import { compareWithCommit } from './against.js'
import { BenchError } from './bench-error.js'
import { readOptions } from './options.js'

try {
  const { against, quick } = readOptions(process.argv.slice(2))
  if (against === undefined) await import('./http.js')
  else await compareWithCommit(against, quick)
} catch (error) {
  process.stderr.write(`bench: ${error instanceof BenchError ? error.message : error instanceof Error ? error.stack : error}\n`)
  process.exit(1)
}
