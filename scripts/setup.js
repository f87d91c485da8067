// Runs before `npm start`, `npm test` and the commands: installs what the lock file names and builds dist/, each only where
// it is missing or out of date. With `--dev` the tests are built too, and what they need is installed. Needs nothing but
// Node and npm, whatever npm is told to leave out (NODE_ENV=production, omit, ignore-scripts).
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const TSC = 'node_modules/typescript/bin/tsc'
const IS_DEV = process.argv.includes('--dev')
/** Written when a build is whole: its files alone may be half of one. With the tests it has all that it has without. */
const BUILT = 'dist/.built'
const BUILT_WITH_TESTS = 'dist/.built-with-tests'
/** Keeps a second setup away. A link that leads to the number of the process that made it: it is there whole, or not. */
const LOCK = '.setup.lock'
const LONGEST_MS = 15 * 60_000

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
refuseOldNode()
if (!isReady()) whileAlone(makeReady)

function refuseOldNode () {
  const [major, minor] = readJson('package.json').engines.node.match(/\d+/g).map(Number)
  const [ownMajor, ownMinor] = process.versions.node.split('.').map(Number)
  if (ownMajor < major || (ownMajor === major && ownMinor < minor)) {
    fail(
    `Node ${major}.${minor} or later is needed, and this is ${process.versions.node}`
    )
  }
}

function isReady () {
  return isBuilt() && isInstalled(IS_DEV)
}

function makeReady () {
  // Another setup may have done it meanwhile.
  if (isReady()) return
  if (!isInstalled(true) || !existsSync(TSC)) {
    say('installs its packages, which takes a minute or so')
    run('npm', 'ci', '--include=dev', '--include=optional', '--include=peer')
    if (!existsSync(TSC)) fail('npm has not installed the compiler; `npm config list` shows what it is told')
  }
  if (isBuilt()) return
  say('builds dist/')
  const began = new Date()
  rmSync('dist', { recursive: true, force: true })
  run(process.execPath, TSC, '--project', IS_DEV ? 'tsconfig.json' : 'tsconfig.build.json')
  for (const marker of IS_DEV ? [BUILT, BUILT_WITH_TESTS] : [BUILT]) {
    writeFileSync(marker, '')
    utimesSync(marker, began, began)
  }
}

/** Whether all that the lock file names is there, as npm noted when it had installed it; without `dev` what runs need. */
function isInstalled (dev) {
  if (!existsSync('node_modules/.package-lock.json')) return false
  const { packages: there } = readJson('node_modules/.package-lock.json')
  const needed = Object.entries(readJson('package-lock.json').packages)
    .filter(([path, about]) => path !== '' && !about.optional && (dev || !(about.dev || about.devOptional)))
  return needed.every(([path, { version, integrity }]) =>
    there?.[path]?.version === version && there[path].integrity === integrity && existsSync(join(path, 'package.json')))
}

function isBuilt () {
  const sources = ['src', 'schemas', 'openapi', IS_DEV ? 'test' : 'test/bench'].filter(existsSync)
    .flatMap(
      folder => [
        folder,
        ...readdirSync(folder, { recursive: true }).filter(name => !name.endsWith('.json')).map(name => join(folder, name))
      ]
    )
  return Math.max(
    ...[...sources, 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'].map(changed)
  ) <= changed(IS_DEV ? BUILT_WITH_TESTS : BUILT)
}

function changed (path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

/** `{}` where it is no JSON, such as a file that was being written when the machine stopped. */
function readJson (path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return {}
  }
}

function whileAlone (work) {
  for (let waited = false; !acquire(); waited = true) {
    if (!waited) say('waits for another setup to end')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
  }
  process.on('exit', () => rmSync(LOCK, { force: true }))
  work()
}

function acquire () {
  try {
    symlinkSync(String(process.pid), LOCK)
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') fail(`cannot write in this directory (${error.code}), and must install or build`)
    if (!isHeld()) rmSync(LOCK, { force: true })
    return false
  }
}

/** Whether the process that made the lock still runs. Its number may be another's by now: so none counts for ever. */
function isHeld () {
  try {
    const holder = Number(readlinkSync(LOCK))
    if (holder === process.pid || Date.now() - lstatSync(LOCK).mtimeMs > LONGEST_MS) return false
    process.kill(holder, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** Standard output is the command's own. */
function run (command, ...args) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 2, 2] })
  if (status !== 0) fail(`'${[command, ...args].join(' ')}' failed${error ? `: ${error.message}` : ''}`)
}

function say (what) {
  console.error(`setup: ${what}`)
}

function fail (why) {
  say(why)
  process.exit(1)
}
