// The one test that tap runs, of which all others are part: those of dist/test, or of its files and folders that are named. They
// run in plain Node, without the hooks that tap would put before every import. A file that starts processes has a process of its
// own. All others share a few, so that what they import is loaded once for many. With `--without-processes` only these run.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'

const TESTS = join('dist', 'test')
const STARTS_PROCESSES = /^(?:node:child_process|playwright-core)$/
const LONGEST_S = 240

const args = process.argv.slice(2)
const named = args.filter(arg => !arg.startsWith('--'))
const files = [...new Set((named.length === 0 ? [TESTS] : named).flatMap(testsOf))]
const apart = files.filter(file => [...importsOf(file)].some(name => STARTS_PROCESSES.test(name)))
const together = files.filter(file => !apart.includes(file))

t.setTimeout(0)
t.jobs = Math.max(2, availableParallelism())
const shares = Array.from({ length: Math.min(t.jobs, together.length) }, (_, share) =>
  together.filter((_, index) => index % t.jobs === share))
// They take longest, and so begin first.
for (const share of shares) run(share.length === 1 ? share[0] : `${share.length} files, from ${share[0]} to ${share.at(-1)}`, share)
if (!args.includes('--without-processes')) for (const file of apart) run(file, [file])

function run (name, files) {
  // Without `env` tap would put its hooks into the process, through NODE_OPTIONS.
  t.spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, '--enable-source-maps', 'scripts/test-files.js', files[0]], {
    name,
    buffered: true,
    timeout: LONGEST_S * 1000,
    env: { ...process.env, TEST_FILES: files.join('\n'), TAP_TIMEOUT: String(LONGEST_S) }
  })
}

/** The test files of a folder, or the one that is named. */
function testsOf (path) {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path, { recursive: true }).filter(name => name.endsWith('.test.js')).sort().map(name => join(path, name))
}

/** What a built file of dist/test imports, itself or by way of others there. */
function importsOf (file, found = new Set()) {
  for (const [, name] of readFileSync(file, 'utf8').matchAll(/^(?:import|export) (?:.* from )?['"]([^'"]+)['"]/gm)) {
    const path = name.startsWith('.') ? join(dirname(file), name) : name
    if (found.has(path)) continue
    found.add(path)
    if (path.startsWith(TESTS)) importsOf(path, found)
  }
  return found
}
