import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { newDataDir } from '../support/data-dir.js'

const LOCKED = {
  '': { name: 'clone' },
  'node_modules/fastify': { version: '1.0.0', integrity: 'sha512-fastify' },
  'node_modules/typescript': { version: '2.0.0', integrity: 'sha512-typescript', dev: true },
  'node_modules/only-elsewhere': { version: '3.0.0', integrity: 'sha512-elsewhere', optional: true }
}
const TSC = 'node_modules/typescript/bin/tsc'

/**
 * A clone of something small with this project's setup, and an npm and a compiler that note in `calls` how they were called.
 * The npm installs what the lock names; what it was told to leave out it takes from the arguments alone, as npm does last.
 */
function newClone (t: Test) {
  const dir = newDataDir(t)
  const path = (...names: string[]) => join(dir, ...names)
  for (const folder of ['scripts', 'src', 'bin', 'schemas', 'openapi', 'test/bench']) mkdirSync(path(folder), { recursive: true })
  copyFileSync('scripts/setup.js', path('scripts/setup.js'))
  const json = (name: string, content: object) => writeFileSync(path(name), JSON.stringify(content))
  const lock = (packages: object) => json('package-lock.json', { packages })
  json('package.json', { type: 'module', engines: { node: '>=20.15' } })
  json('bin/package.json', { type: 'commonjs' })
  lock(LOCKED)
  for (const name of ['src/main.ts', 'tsconfig.json', 'tsconfig.build.json']) writeFileSync(path(name), '')
  const compiler = `
    const { appendFileSync, mkdirSync, writeFileSync } = require('node:fs')
    appendFileSync('calls', 'tsc\\n')
    mkdirSync('dist/src', { recursive: true })
    writeFileSync('dist/src/main.js', '')
    console.log('output of tsc')
    if (process.env.BREAK === 'tsc') process.exit(2)`
  writeFileSync(path('bin/npm'), `#!${process.execPath}
    const { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
    const args = process.argv.slice(2).join(' ')
    appendFileSync('calls', 'npm ' + args + '\\n')
    console.log('output of npm')
    rmSync('node_modules', { recursive: true, force: true })
    const packages = Object.entries(JSON.parse(readFileSync('package-lock.json')).packages)
      .filter(([path, { optional, dev }]) => path !== '' && !optional && (!dev || args.includes('--include=dev')))
    for (const [path] of packages) {
      mkdirSync(path + '/bin', { recursive: true })
      writeFileSync(path + '/package.json', '{}')
      if (path.endsWith('typescript')) writeFileSync(path + '/bin/tsc', ${JSON.stringify(compiler)})
    }
    if (process.env.BREAK === 'npm') process.exit(1)
    writeFileSync('node_modules/.package-lock.json', JSON.stringify({ packages: Object.fromEntries(packages) }))`)
  chmodSync(path('bin/npm'), 0o755)

  /** Runs the setup from elsewhere, and answers how it ended and what it called. */
  const setup = async (args: string[] = [], env: Record<string, string> = {}) => {
    rmSync(path('calls'), { force: true })
    const child = spawn(process.execPath, [path('scripts/setup.js'), ...args], { env: { PATH: `${path('bin')}:${process.env.PATH}`, ...env }, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] })
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { code, stdout, stderr, calls: existsSync(path('calls')) ? readFileSync(path('calls'), 'utf8').trim().split('\n') : [] }
  }
  let latest = Date.now()
  /** Gives a file a newer time than any has. */
  const touch = (name: string) => {
    latest += 60_000
    utimesSync(path(name), new Date(latest), new Date(latest))
  }
  return { path, json, lock, setup, touch }
}

const INSTALL = 'npm ci --include=dev --include=optional --include=peer'
const nothing = { code: 0, stdout: '', stderr: '', calls: [] }

t.test('in a fresh clone it installs all that building needs, builds, and then has nothing to do', async t => {
  const { setup, path } = newClone(t)
  const first = await setup()
  t.match(first, { code: 0, stdout: '' }, 'standard output is left to the command')
  t.same(first.calls, [INSTALL, 'tsc'])
  t.match(first.stderr, /^setup: installs its packages.*\noutput of npm\nsetup: builds dist\/\noutput of tsc\n$/)
  t.same(await setup(), nothing)
  t.same((await setup(['--dev'])).calls, ['tsc'], 'the tests too')
  t.same(await setup(['--dev']), nothing)
  t.same(await setup(), nothing)
  t.notOk(existsSync(path('.setup.lock')))
})

t.test('what is missing or half there is mended', async t => {
  const { setup, path, json, lock, touch } = newClone(t)
  await setup()
  const ways: Array<[what: string, break_: () => void, calls: string[], args?: string[]]> = [
    ['an install that was interrupted', () => rmSync(path('node_modules/.package-lock.json')), [INSTALL]],
    ['a note of npm that is half written', () => writeFileSync(path('node_modules/.package-lock.json'), '{"packages"'), [INSTALL]],
    ['a package that is not there', () => rmSync(path('node_modules/fastify'), { recursive: true }), [INSTALL]],
    ['a lock file that names another version', () => { lock({ ...LOCKED, 'node_modules/fastify': { version: '1.0.1', integrity: 'sha512-1' } }); touch('package-lock.json') }, [INSTALL, 'tsc']],
    ['no build', () => rmSync(path('dist'), { recursive: true }), ['tsc']],
    ['half a build', () => rmSync(path('dist/.built')), ['tsc']],
    ['a changed source', () => touch('src/main.ts'), ['tsc']],
    ['nothing that may run without development packages', () => without(), []],
    ['no compiler where it must build', () => { without(); rmSync(path('dist'), { recursive: true }) }, [INSTALL, 'tsc']],
    ['no development packages where tests need them', () => without(), [INSTALL, 'tsc'], ['--dev']],
    ['a changed test', () => touch('test/bench'), ['tsc'], ['--dev']],
    ['a compiler without its program', () => { rmSync(path(TSC)); rmSync(path('dist'), { recursive: true }) }, [INSTALL, 'tsc']]
  ]
  /** As `npm ci --omit=dev` leaves it. */
  function without () {
    rmSync(path('node_modules/typescript'), { recursive: true, force: true })
    const { packages } = JSON.parse(readFileSync(path('package-lock.json'), 'utf8'))
    json('node_modules/.package-lock.json', { packages: { 'node_modules/fastify': packages['node_modules/fastify'] } })
  }
  for (const [what, break_, calls, args] of ways) {
    break_()
    t.same((await setup(args)).calls, calls, what)
    if (calls.includes('tsc')) touch(args === undefined ? 'dist/.built' : 'dist/.built-with-tests')
    if (calls.length > 0) t.same((await setup(args)).calls, [], `${what}, and then nothing`)
  }
})

t.test('a step that fails is told, and done again the next time', async t => {
  const { setup, path } = newClone(t)
  const install = await setup([], { BREAK: 'npm' })
  t.match(install, { code: 1, stderr: new RegExp(`setup: '${INSTALL}' failed\n$`), calls: [INSTALL] })
  const build = await setup([], { BREAK: 'tsc' })
  t.match(build, { code: 1, stderr: /setup: .*tsc.* failed\n$/ })
  t.same(build.calls, [INSTALL, 'tsc'])
  t.same((await setup()).calls, ['tsc'])
  t.notOk(existsSync(path('.setup.lock')))
})

t.test('without npm it says so', async t => {
  const { setup } = newClone(t)
  t.match(await setup([], { PATH: '/absent' }), { code: 1, stderr: /setup: 'npm ci .*' failed: .*npm ENOENT\n$/ })
})

t.test('of several at once one does the work, and the others wait for it', async t => {
  const { setup } = newClone(t)
  const all = await Promise.all(Array.from({ length: 4 }, () => setup()))
  t.same(all.map(({ code }) => code), [0, 0, 0, 0])
  t.equal(all.map(({ stderr }) => stderr).join('').match(/builds dist/g)?.length, 1)
  t.same(await setup(), nothing)
})

t.test('one that was killed keeps no other waiting', async t => {
  const { setup, path } = newClone(t)
  const gone = spawn(process.execPath, ['-e', ''])
  await once(gone, 'close')
  symlinkSync(String(gone.pid), path('.setup.lock'))
  t.match(await setup(), { code: 0, calls: [INSTALL, 'tsc'] })
})

t.test('on a Node that is too old it says which is needed, before anything else', async t => {
  const { setup, path, json } = newClone(t)
  json('package.json', { type: 'module', engines: { node: '>=999.9' } })
  t.same(await setup(), { code: 1, stdout: '', stderr: `setup: Node 999.9 or later is needed, and this is ${process.versions.node}\n`, calls: [] })
  json('package.json', { type: 'module', engines: { node: `>=${process.versions.node.split('.')[0]}.999` } })
  t.match(await setup(), { code: 1, stderr: /is needed/ })
  t.notOk(existsSync(path('node_modules')))
})

t.test('each command sets itself up in its own script, since npm may be told to run no others', async t => {
  const { scripts, allowScripts } = JSON.parse(readFileSync('package.json', 'utf8'))
  for (const name of ['start', 'test', 'token', 'keys', 'audit', 'openapi']) t.match(scripts[name], /^node scripts\/(setup\.js && |test\.js$)/, name)
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'))
  const withScripts = Object.keys(packages).filter(path => packages[path].hasInstallScript).map(path => path.replace(/^node_modules\//, ''))
  t.same(withScripts.sort(), Object.keys(allowScripts).sort(), 'and npm has no package with scripts to ask about')
})
