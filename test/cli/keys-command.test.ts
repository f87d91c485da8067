import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { RingFile } from '../../src/engines/embedded/keys/ring-file.js'
import { keysCommand } from '../../src/cli/keys-command.js'
import { KeyRing } from '../../src/secrets/ring.js'
import { parseRootKey } from '../../src/secrets/root-key.js'
import { now } from '../support/now.js'
import { TestClock } from '../support/clock.js'

const HOUR = 3_600_000
const failed = (code: string, message: RegExp) => ({ name: 'GatewayError', code, message })

/** A ring in a data directory, whose first key was retired two hours ago and its second half an hour ago. */
async function usedRing (t: Test) {
  const dataDir = t.testdir()
  const clock = new TestClock(Date.now() - 3 * HOUR)
  const ring = await KeyRing.open({ store: new RingFile(join(dataDir, 'keyring.json')), clock })
  clock.time += HOUR
  await ring.rotate()
  clock.time += 1.5 * HOUR
  await ring.rotate()
  clock.time = Date.now()
  return { ring, dataDir, ids: ring.list().map(({ id }) => id), run: (...args: string[]) => keysCommand(args, { ECTX_DATA_DIR: dataDir }) }
}

t.test('list shows the keys as a table, without material', async t => {
  const { ring, dataDir, run } = await usedRing(t)
  const lines = (await run('list')).split('\n')
  t.match(lines[0], /^ID {30}CREATED {19}STATE {4}SINCE$/)
  const rows = ring.list().map(key => [key.id, key.created_at, key.state, key.state === 'retired' ? key.retired_at : key.created_at])
  t.same(lines.slice(1, -1).map(line => line.split(/ +/)), rows)
  for (const { material } of JSON.parse(readFileSync(join(dataDir, 'keyring.json'), 'utf8')).keys) t.notOk(lines.join('\n').includes(material))
})

t.test('rotate prints the key that is active now', async t => {
  const { ring, run } = await usedRing(t)
  const id = (await run('rotate')).trim()
  await ring.refresh()
  t.equal(now(ring.current()).id, id)
  t.equal(ring.list().length, 4)
})

t.test('prune destroys what was retired that long ago and says so', async t => {
  const { ring, ids, run } = await usedRing(t)
  t.match(await run('prune', '--older-than', '1d'), /none is destroyed/)
  t.equal(await run('prune', '--older-than', '2h'), `destroyed ${ids[0]}\n`)
  t.match(await run('prune', '--older-than', '1h'), /none is destroyed/)
  t.equal(await run('prune', '--older-than', '29m'), `destroyed ${ids[1]}\n`)
  await ring.refresh()
  t.same(ring.list().map(({ state }) => state), ['destroyed', 'destroyed', 'active'])
  t.match(await run('list'), new RegExp(`${ids[0]} .* destroyed `))
})

t.test('what is not clear is refused, and destroys nothing', async t => {
  const { ring, run } = await usedRing(t)
  const cases: Array<[string[], RegExp]> = [
    [[], /missing/],
    [['destroy'], /destroy/],
    [['list', 'rotate'], /rotate/],
    [['list', '--older-than', '1h'], /only prune/],
    [['prune'], /--older-than/],
    [['prune', '--older-than'], /older-than/],
    ...['', '0h', '30s', '1', 'h', '-1h', '1.5h', '1h '].map((time): [string[], RegExp] => [['prune', `--older-than=${time}`], /--older-than TIME/]),
    [['prune', '--all'], /--all/]
  ]
  for (const [args, message] of cases) await t.rejects(run(...args), { name: 'UsageError', message }, args.join(' '))
  await ring.refresh()
  t.same(ring.list().map(({ state }) => state), ['retired', 'retired', 'active'])
})

t.test('the usage warns of what prune does', async t => {
  t.match(await keysCommand(['--help'], {}), /never be revealed again/)
})

t.test('a ring is not made by the way', async t => {
  const dataDir = t.testdir()
  for (const args of [['list'], ['rotate'], ['prune', '--older-than', '1h']]) {
    await t.rejects(keysCommand(args, { ECTX_DATA_DIR: dataDir }), failed('not_found', /ECTX_DATA_DIR/))
  }
  t.same(readdirSync(dataDir), [])
})

t.test('begin makes a ring where there is none, and leaves alone one that is there', async t => {
  const dataDir = t.testdir()
  const id = (await keysCommand(['begin'], { ECTX_DATA_DIR: dataDir })).trim()
  const ring = await KeyRing.open({ store: new RingFile(join(dataDir, 'keyring.json')) })
  t.match(ring.list(), [{ id, state: 'active' }])
  await t.rejects(keysCommand(['begin'], { ECTX_DATA_DIR: dataDir }), failed('already_exists', /rotate/))
  await ring.refresh()
  t.equal(ring.list().length, 1)
})

t.test('begin makes none in a directory that is not there, nor where it cannot be told', async t => {
  const dataDir = join(t.testdir({ file: '' }), 'absent')
  await t.rejects(keysCommand(['begin'], { ECTX_DATA_DIR: dataDir }), failed('not_found', /there is no directory .*absent: set ECTX_KEYRING_FILE or ECTX_DATA_DIR/))
  await t.rejects(keysCommand(['begin'], { ECTX_KEYRING_FILE: join(t.testdirName, 'x'.repeat(300)) }), failed('unavailable', /cannot be looked at \(ENAMETOOLONG\)/))
  t.same(readdirSync(t.testdirName), ['file'])
})

t.test('a variable that is wrong or misspelt is told', async t => {
  const { dataDir } = await usedRing(t)
  await t.rejects(keysCommand(['list'], { ECTX_DATA_DIR: `${dataDir}\r` }), { name: 'ConfigError', message: /^ECTX_DATA_DIR must be a directory; / })
  await t.rejects(keysCommand(['list'], { ECTX_DATADIR: dataDir }), { name: 'ConfigError', message: /ECTX_DATA_DIR\?$/ })
  t.match(await keysCommand(['list'], { ECTX_DATA_DIR: dataDir, ECTX_PORT: 'tcp://10.0.0.1:8080' }), /active/)
  t.match(await keysCommand(['--help'], { ECTX_DATADIR: dataDir }), /^Usage/)
})

t.test('ECTX_KEYRING_FILE names another ring, and ECTX_ROOT_KEY what wraps it', async t => {
  const file = join(t.testdir(), 'elsewhere.json')
  const rootKey = Buffer.alloc(32, 1).toString('base64')
  const ring = await KeyRing.open({ store: new RingFile(file, parseRootKey(rootKey)) })
  t.match(await keysCommand(['list'], { ECTX_KEYRING_FILE: file, ECTX_ROOT_KEY: rootKey }), new RegExp(now(ring.current()).id))
  await t.rejects(keysCommand(['list'], { ECTX_KEYRING_FILE: file }), failed('unavailable', /wrapped.*ECTX_ROOT_KEY/))
  await t.rejects(keysCommand(['list'], { ECTX_KEYRING_FILE: file, ECTX_ROOT_KEY: 'x' }), failed('invalid_argument', /openssl/))
})

t.test('rewrap has another root key wrap the ring, and the one before is of no use', async t => {
  const directory = t.testdir({ other: Buffer.alloc(32, 2).toString('base64') })
  const file = join(directory, 'keyring.json')
  const [before, after] = [1, 2].map(byte => Buffer.alloc(32, byte).toString('base64')) as [string, string]
  const ring = await KeyRing.open({ store: new RingFile(file, parseRootKey(before)) })
  const { id } = await ring.current()
  await ring.rotate()
  const env = { ECTX_KEYRING_FILE: file, ECTX_ROOT_KEY: before }
  const other = join(directory, 'other')
  await t.rejects(keysCommand(['rewrap'], env), { name: 'UsageError', message: /--to-root-key-file/ })
  await t.rejects(keysCommand(['list', '--to-root-key-file', other], env), { name: 'UsageError' })
  await t.rejects(keysCommand(['rewrap', '--to-root-key-file', join(directory, 'absent')], env), failed('invalid_argument', /cannot be read/))
  await t.rejects(keysCommand(['rewrap', '--to-root-key-file', other], { ...env, ECTX_ROOT_KEY: after }), failed('unavailable', /another root key/))
  t.match(await keysCommand(['list'], env), new RegExp(id), 'nothing was changed')

  t.match(await keysCommand(['rewrap', '--to-root-key-file', other], env), /^wrapped .*keyring\.json/)
  await t.rejects(keysCommand(['list'], env), failed('unavailable', /another root key/))
  t.match(await keysCommand(['list'], { ...env, ECTX_ROOT_KEY: after }), new RegExp(`${id} .* retired`))
})

t.test('as a process', async t => {
  const run = async (dataDir: string, ...args: string[]) => {
    const child = spawn(process.execPath, ['dist/src/cli/keys.js', ...args], { env: { ECTX_DATA_DIR: dataDir }, stdio: ['ignore', 'pipe', 'pipe'] })
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { stdout, stderr, code }
  }

  t.test('it tells success, failure and wrong usage apart', async t => {
    const { dataDir, ids } = await usedRing(t)
    const [done, failed, wrong, misset] = await Promise.all([
      run(dataDir, 'prune', '--older-than', '1h'),
      run(join(dataDir, 'absent'), 'list'),
      run(dataDir, 'lst'),
      run(` ${dataDir}`, 'list')
    ])
    t.match(done, { code: 0, stdout: `destroyed ${ids[0]}\n`, stderr: '' })
    t.match(failed, { code: 1, stdout: '', stderr: /^keys: there is no key ring [^\n]*\n$/ })
    t.match(wrong, { code: 2, stdout: '', stderr: /^keys: there is no command 'lst'\n\nUsage: / })
    t.match(misset, { code: 2, stdout: '', stderr: /^keys: ECTX_DATA_DIR must be [^\n]*\n$/ })
  })

  t.test('its rotations and those of a running gateway lose no key', async t => {
    const { ring, dataDir, ids } = await usedRing(t)
    const others = Array.from({ length: 2 }, async () => (await run(dataDir, 'rotate')).stdout.trim())
    const own: string[] = []
    const done = Promise.all(others)
    while (await Promise.race([done.then(() => false), setTimeout(5, true)])) own.push((await ring.rotate()).id)
    const made = [...ids, ...own, ...await done]
    await ring.refresh()
    t.same(ring.list().map(({ id }) => id).sort(), made.sort())
    t.same(readdirSync(dataDir), ['keyring.json'])
  })
})
