import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checkStoreCommand } from '../../../src/cli/check-store-command.js'
import { placesIn } from '../../../src/config/places.js'
import { readContents, renderContents } from '../../../src/engines/embedded/backup/contents.js'
import { filesIn } from '../../../src/engines/embedded/backup/sum-up.js'
import { verify } from '../../../src/engines/embedded/audit/verify.js'
import { RingFile } from '../../../src/engines/embedded/keys/ring-file.js'
import { LevelStore } from '../../../src/engines/embedded/level/level-store.js'
import { KeyRing } from '../../../src/secrets/ring.js'
import { loadRootKey } from '../../../src/secrets/root-key.js'
import { newEvent, recordsOf } from '../../audit/support.js'
import { newDataDir } from '../../support/data-dir.js'
import { PATH } from '../../support/gateway.js'
import { newRootKey, openGateway } from '../copy/support.js'
import { backUp, killAt, newPlace, NO_PROGRESS, restore, type Environment } from './support.js'

/** A gateway that runs, with contexts of which one was deleted. */
async function running (t: Test, more: Environment = {}) {
  const env = { ECTX_DATA_DIR: newDataDir(t), ECTX_ROOT_KEY_FILE: newRootKey(t), ...more }
  const gateway = await openGateway(t, env)
  const ids = [await gateway.create('one'), await gateway.create('two')] as const
  const doomed = await gateway.create('doomed')
  await gateway.app.inject({ method: 'DELETE', url: `${PATH}/${doomed}` })
  return { env, gateway, ids, doomed }
}

/** A backup of a gateway that has ended, and what restores it into a new directory. */
async function backedUp (t: Test) {
  const { env, gateway, ids, doomed } = await running(t)
  await gateway.close()
  const to = newPlace(t)
  await backUp(env, to)
  return { env, ids, doomed, to, target: () => ({ ...env, ECTX_DATA_DIR: newPlace(t) }) }
}

async function assertRestored (t: Test, env: Environment, there: readonly string[], gone: readonly string[]) {
  const { audit } = placesIn(env.ECTX_DATA_DIR)
  t.match(await checkStoreCommand([], env, NO_PROGRESS, message => t.fail(message)), { isWhole: true })
  const gateway = await openGateway(t, env)
  for (const id of there) t.equal(await gateway.secretOf(id), 's3cr3t')
  for (const id of gone) t.equal((await gateway.app.inject(`${PATH}/${id}`)).statusCode, 404)
  await gateway.close()
  t.same((await verify(audit)).problems, [])
  const records = await recordsOf(audit)
  for (const id of there) t.ok(records.some(({ event, context_id: about }) => event === 'created' && about === id))
  t.equal(records.filter(({ event }) => event === 'restored_store').length, 1)
}

t.test('of a gateway that runs, and of one that has ended, what was there is brought back, for its user alone', async t => {
  const { env, gateway, ids, doomed } = await running(t)
  const [online, idle] = [newPlace(t), newPlace(t)]
  t.match(await backUp(env, online), /: \d+ records, \d+ files, [\d,]+ bytes\n$/)
  const later = await gateway.create('later')
  await gateway.app.inject({ method: 'DELETE', url: `${PATH}/${ids[1]}` })
  await gateway.close()
  await backUp(env, idle)
  for (const [from, there, gone] of [[online, ids, [doomed, later]], [idle, [ids[0], later], [ids[1], doomed]]] as const) {
    t.equal(statSync(from).mode & 0o077, 0)
    for (const path of await filesIn(from)) {
      t.notOk(readFileSync(join(from, path)).includes('s3cr3t'), path)
    }
    const target = { ...env, ECTX_DATA_DIR: newPlace(t) }
    t.match(await restore(target, from), /records, as they were backed up at/)
    t.same(readdirSync(target.ECTX_DATA_DIR).sort(), ['audit', 'db', 'keyring.json', 'shred'])
    await assertRestored(t, target, there, gone)
  }
})

t.test('who followed the events is told, after a restore, that what came after its last one is not what there is now', async t => {
  const { env, gateway } = await running(t)
  const eventsAfter = async ({ app }: typeof gateway, after: string) =>
    app.inject({ url: `/v1/events?after=${after}`, headers: { accept: 'application/json' } })
  const { next } = (await eventsAfter(gateway, 'now')).json()
  await gateway.close()
  const to = newPlace(t)
  await backUp(env, to)
  const target = { ...env, ECTX_DATA_DIR: newPlace(t) }
  await restore(target, to)
  const restored = await openGateway(t, target)
  t.equal((await eventsAfter(restored, next)).statusCode, 410)
  const { next: begin } = (await eventsAfter(restored, 'now')).json()
  t.ok(begin > next)
  await restored.create('new')
  t.match((await eventsAfter(restored, begin)).json().events, [{ data: { slug: 'new' } }])
})

t.test('a ring elsewhere is brought back to where the variable says', async t => {
  const { env, ids, gateway } = await running(t, { ECTX_KEYRING_FILE: join(newDataDir(t), 'ring') })
  const to = newPlace(t)
  await backUp(env, to)
  await gateway.close()
  const target = { ...env, ECTX_DATA_DIR: newPlace(t), ECTX_KEYRING_FILE: join(newPlace(t), 'ring') }
  await restore(target, to)
  t.notOk(existsSync(join(target.ECTX_DATA_DIR, 'keyring.json')))
  await assertRestored(t, target, ids, [])
})

t.test('what waits for the audit log in the store comes into it once the backup is restored', async t => {
  const { env, gateway, ids } = await running(t)
  await gateway.close()
  const { database, audit, keyRing } = placesIn(env.ECTX_DATA_DIR)
  const store = await LevelStore.open(database)
  const ring = await KeyRing.open({ store: new RingFile(keyRing, loadRootKey(env)) })
  await store.integrity.prove(ring, async () => false)
  for (const id of ['first', 'second']) await store.outbox.append(newEvent(id))
  await store.close()
  const before = await recordsOf(audit)
  const to = newPlace(t)
  await backUp(env, to)
  const target = { ...env, ECTX_DATA_DIR: newPlace(t) }
  await restore(target, to)
  await assertRestored(t, target, ids, [])
  const after = await recordsOf(placesIn(target.ECTX_DATA_DIR).audit)
  t.same(after.slice(before.length).filter(({ context_id: id }) => id === 'first' || id === 'second').map(({ context_id: id }) => id), ['first', 'second'])
})

t.test('what is damaged, missing, more, or newer is refused, and leaves nothing', async t => {
  const { to, target } = await backedUp(t)
  const paths = await filesIn(to)
  const refused = async (what: string, problem: RegExp) => {
    const env = target()
    await t.rejects(restore(env, to), { code: 'failed_precondition', message: problem }, what)
    t.same(existsSync(env.ECTX_DATA_DIR) ? readdirSync(env.ECTX_DATA_DIR) : [], [], `${what}: nothing is left`)
  }
  for (const path of paths) {
    const file = join(to, path)
    const bytes = readFileSync(file)
    if (bytes.length > 0) {
      const changed = Buffer.from(bytes)
      changed[bytes.length >> 1]! ^= 1
      writeFileSync(file, changed)
      await refused(`changed: ${path}`, /is (damaged|not as it was written)|of format/)
    }
    rmSync(file)
    const env = target()
    await t.rejects(restore(env, to), { code: 'failed_precondition' }, `missing: ${path}`)
    writeFileSync(file, bytes)
  }
  const more = join(to, 'db', '999999.ldb')
  writeFileSync(more, '')
  await refused('one more', /none of its files/)
  rmSync(more)
  const contents = (await readContents(to))!
  const text = readFileSync(join(to, 'backup.json'))
  writeFileSync(join(to, 'backup.json'), renderContents({ ...contents, ...{ format: 2 }, version: '9.0.0' }))
  await refused('a newer format', /of format 2, .* use version 9\.0\.0/)
  writeFileSync(join(to, 'backup.json'), renderContents({ ...contents, files: [{ ...contents.files[0]!, path: 'db/../../x' }] }))
  await refused('a path that leads elsewhere', /is damaged/)
  writeFileSync(join(to, 'backup.json'), text)
  await restore(target(), to)
})

t.test('nothing is overwritten, by either command', async t => {
  const { env, to, target } = await backedUp(t)
  await t.rejects(restore(env, to), { code: 'failed_precondition', message: /nothing is overwritten/ })
  for (const name of ['db', 'audit', 'shred', 'keyring.json', 'audit-heads.jws']) {
    const other = target()
    mkdirSync(join(other.ECTX_DATA_DIR, name), { recursive: true })
    await t.rejects(restore(other, to), { code: 'failed_precondition' }, name)
    t.same(readdirSync(other.ECTX_DATA_DIR), [name])
  }
  await t.rejects(backUp(env, to), { code: 'failed_precondition', message: /is not empty/ })
  t.ok(await readContents(to))
})

t.test('keys in clear are in a backup only where that is asked for', async t => {
  const { env: { ECTX_DATA_DIR }, gateway, ids } = await running(t, { ECTX_ROOT_KEY_FILE: '' })
  const to = newPlace(t)
  const env = { ECTX_DATA_DIR }
  await t.rejects(backUp(env, to), { code: 'failed_precondition', message: /--keys-in-clear/ })
  t.notOk(existsSync(to))
  await backUp(env, to, '--keys-in-clear')
  await gateway.close()
  const target = { ECTX_DATA_DIR: newPlace(t) }
  await restore(target, to)
  await assertRestored(t, target, ids, [])
})

t.test('without the root key of the backup, or with another, nothing is restored', async t => {
  const { to, target } = await backedUp(t)
  for (const file of ['', newRootKey(t)]) {
    const env = { ...target(), ECTX_ROOT_KEY_FILE: file }
    await t.rejects(restore(env, to), { code: 'failed_precondition', message: /is wrapped by/ })
    t.same(readdirSync(env.ECTX_DATA_DIR), [])
  }
})

t.test('a store that does not hold what was committed last, and one that is not there, make no backup', async t => {
  const { env } = await backedUp(t)
  const { database } = placesIn(env.ECTX_DATA_DIR)
  const log = join(database, readdirSync(database).find(name => name.endsWith('.log'))!)
  const bytes = readFileSync(log)
  bytes[bytes.length >> 1]! ^= 1
  writeFileSync(log, bytes)
  const to = newPlace(t)
  await t.rejects(backUp(env, to), { code: 'failed_precondition', message: /is damaged/ })
  t.same(readdirSync(to), [])
  await t.rejects(backUp({ ...env, ECTX_DATA_DIR: newPlace(t) }, to), { code: 'failed_precondition', message: /there is no store/ })
})

t.test('an audit log that was changed is copied as it is, and that is told', async t => {
  const { env, gateway } = await running(t)
  await gateway.close()
  const { audit } = placesIn(env.ECTX_DATA_DIR)
  const file = join(audit, readdirSync(audit).find(name => name.endsWith('.jsonl'))!)
  writeFileSync(file, readFileSync(file, 'utf8').replace('"slug":"one"', '"slug":"two"'))
  const to = newPlace(t)
  await backUp(env, to)
  t.equal((await verify(join(to, 'audit'))).problems.length, 1)
})

t.test('where the disk fails the file is named, and nothing is left', async t => {
  const { env, to: from, target } = await backedUp(t)
  const failing = async (name: 'writeFile' | 'open', code: string, work: () => Promise<unknown>, file: RegExp) => {
    const original: (...args: any[]) => Promise<unknown> = fs[name]
    Object.assign(fs, {
      [name]: (path: string, ...args: unknown[]) => file.test(String(path))
        ? Promise.reject(Object.assign(new Error(code), { code, syscall: 'write' }))
        : original(path, ...args)
    })
    syncBuiltinESMExports()
    try {
      await t.rejects(work(), { code: 'unavailable', message: new RegExp(`${file.source}.*${code}`) }, `${name} ${code}`)
    } finally {
      Object.assign(fs, { [name]: original })
      syncBuiltinESMExports()
    }
  }
  const to = newPlace(t)
  for (const code of ['ENOSPC', 'EIO']) {
    await failing('writeFile', code, () => backUp(env, to), /new\/db\/CURRENT/)
    t.same(readdirSync(to), [])
    const other = target()
    await failing('open', code, () => restore(other, from), /restoring\/db\/CURRENT/)
    t.same(readdirSync(other.ECTX_DATA_DIR), [])
  }
})

t.test('a backup that is killed is none, or is whole', async t => {
  const { env, gateway, ids, doomed } = await running(t)
  let killed = 0
  for (let call = 1, isKilled = true; isKilled; call += 1 + Math.floor(call / 3)) {
    const to = newPlace(t)
    isKilled = await killAt(call, 'backup', ['--to', to], env)
    killed += Number(isKilled)
    const target = { ...env, ECTX_DATA_DIR: newPlace(t) }
    if (existsSync(join(to, 'backup.json'))) {
      await restore(target, to)
      await assertRestored(t, target, ids, [doomed])
    } else {
      await t.rejects(restore(target, to), { code: 'failed_precondition', message: /is no backup/ }, `killed at ${call}`)
    }
  }
  t.ok(killed > 5, `killed ${killed} times`)
  await gateway.close()
})

t.test('a restore that is killed is never taken for a whole one, and is gone on with', async t => {
  const { to, ids, doomed, target } = await backedUp(t)
  let killed = 0
  for (let call = 1, isKilled = true; isKilled; call += 5) {
    const env = target()
    isKilled = await killAt(call, 'restore', ['--from', to], env)
    killed += Number(isKilled)
    const { restoring, database } = placesIn(env.ECTX_DATA_DIR)
    if (existsSync(restoring)) {
      await t.rejects(openGateway(t, env), { code: 'unavailable', message: /npm run restore/ }, `killed at ${call}`)
    }
    // With nothing there, or all of it, a gateway may start.
    if (existsSync(restoring) || !existsSync(database)) await restore(env, to)
    await assertRestored(t, env, ids, [doomed])
  }
  t.ok(killed > 5, `killed ${killed} times`)
})

t.test('a restore that was stopped is not gone on with from another backup', async t => {
  const [{ to, target }, other] = [await backedUp(t), await backedUp(t)]
  const env = target()
  await restore(env, to)
  const { restoring, database } = placesIn(env.ECTX_DATA_DIR)
  mkdirSync(restoring)
  appendFileSync(join(restoring, 'backup.json'), readFileSync(join(to, 'backup.json')))
  await t.rejects(restore(env, other.to), { code: 'failed_precondition', message: /another backup/ })
  await restore(env, to)
  t.ok(existsSync(database))
  t.notOk(existsSync(restoring))
})

t.test('of another engine each says what to use', async t => {
  for (const ECTX_STORE of ['memory', 'postgres://ectx@nowhere/ectx']) {
    const env = { ECTX_STORE, ECTX_ROOT_KEY_FILE: newRootKey(t) }
    await t.rejects(backUp(env, newPlace(t)), { code: 'failed_precondition', message: /PostgreSQL|keeps nothing/ })
    await t.rejects(restore(env, newPlace(t)), { code: 'failed_precondition', message: /PostgreSQL|keeps nothing/ })
  }
})
