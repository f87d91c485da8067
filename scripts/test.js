// `npm test [-- FILE.test.ts…]`: builds what is out of date, and runs all tests or those of the files and folders that are
// named. With `--watch` again after each change, with `--without-processes` all but those that start processes. Other options
// are for tap, such as `--reporter=tap` for all that the tests print.
import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'

const args = process.argv.slice(2)
const isForSuite = arg => !arg.startsWith('-') || arg === '--without-processes'
const TAP = [
  'node_modules/tap/dist/esm/run.mjs',
  '--reporter=./scripts/reporter.js',
  ...args.filter(arg => !isForSuite(arg) && arg !== '--watch'),
  ...args.filter(isForSuite).map(arg => `--test-arg=${built(arg)}`)
]

// What was built needs no compiler, which takes longer to load than most tests to run.
const options = { stdio: 'inherit', env: { ...process.env, TAP_TYPE_STRIP_ONLY: '1' } }

setUp()
if (args.includes('--watch')) watch()
else process.exitCode = spawnSync(process.execPath, TAP, options).status ?? 1

/** The built file of a test, or the folder of built ones. */
function built (arg) {
  return arg.replace(/^(?:\.\/)?(?=test(?:\/|$))/, 'dist/').replace(/\.ts$/, '.js')
}

function setUp () {
  const { status } = spawnSync(process.execPath, ['scripts/setup.js', '--dev'], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

/** The compiler tells when it is done; a run that has not ended by then is ended. */
function watch () {
  const compiler = spawn(
    process.execPath,
    ['node_modules/typescript/bin/tsc', '--watch', '--preserveWatchOutput'],
    { stdio: ['ignore', 'pipe', 'inherit'] }
  )
  let tap
  createInterface(compiler.stdout).on('line', line => {
    console.log(line)
    if (!/Found 0 errors/.test(line)) return
    tap?.kill()
    tap = spawn(process.execPath, TAP, options)
  })
}
