// What was shredded is lost, also for who has copies from before; and nothing else is.
import { cpSync, existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { LevelStore } from '../../src/engines/embedded/level/level-store.js'
import { RingFile } from '../../src/engines/embedded/keys/ring-file.js'
import { MemoryStore } from '../../src/engines/memory/memory-store.js'
import { GatewayError } from '../../src/errors.js'
import { executionContextKind } from '../../src/kinds/execution-context/kind.js'
import { decodeBody } from '../../src/resource/body-codec.js'
import { proveRecord } from '../../src/resource/sealed-record.js'
import { encrypt } from '../../src/secrets/aead.js'
import { derive } from '../../src/secrets/ring-key.js'
import { KeyRing } from '../../src/secrets/ring.js'
import type { Store } from '../../src/storage/store.js'
import { newDataDir } from '../support/data-dir.js'
import { contextBody, createContext, PATH, post, startGateway } from '../support/gateway.js'
import { assertProblem } from '../support/problem.js'

const KIND = executionContextKind.name
const lost = { status: 503, code: 'unavailable' } as const

/** A gateway on the database of a directory. */
async function serve (t: Test, dataDir: string) {
  const gateway = await startGateway(t, await LevelStore.open(join(dataDir, 'db')), { ECTX_DATA_DIR: dataDir })
  return { ...gateway, ...callsOf(gateway.app) }
}

const callsOf = (app: Awaited<ReturnType<typeof startGateway>>['app']) => ({
  read: (id: string, query = '') => app.inject(`${PATH}/${id}${query}`),
  remove: (id: string, query = '?shred=true') => app.inject({ method: 'DELETE', url: `${PATH}/${id}${query}` }),
  removeAll: (executionId: string) => app.inject({ method: 'DELETE', url: `/v1/executions/${executionId}/execution-contexts?shred=true` }),
  deletions: async () => (await app.inject('/v1/audit-events?page_size=1000')).json().events
    .filter(({ event }: { event: string }) => event === 'deleted')
    .map((event: { context_id: string, shredded?: boolean }) => [event.context_id, event.shredded])
})

t.test('what was shredded cannot be opened by copies of the database and of the ring, and its neighbours can', async t => {
  const dataDir = newDataDir(t)
  const copies = newDataDir(t)
  const kept = ['db', 'keyring.json']
  const before = await serve(t, dataDir)
  const contexts = []
  for (const name of ['one', 'two', 'three']) contexts.push(await createContext(before.app, name))
  const [one, two, three] = contexts as [typeof contexts[0], typeof contexts[0], typeof contexts[0]]
  await before.close()
  for (const name of kept) cpSync(join(dataDir, name), join(copies, name), { recursive: true })

  const gateway = await serve(t, dataDir)
  t.same((await gateway.remove(two!.id)).json(), two!.context, 'it is answered as it was')
  t.equal((await gateway.read(two!.id)).statusCode, 404)
  t.same(await gateway.deletions(), [[two!.id, true]])
  await gateway.close()

  // Whoever has copies has them elsewhere, where no audit log tells that they are old.
  rmSync(join(dataDir, 'audit'), { recursive: true })
  for (const name of kept) {
    rmSync(join(dataDir, name), { recursive: true })
    cpSync(join(copies, name), join(dataDir, name), { recursive: true })
  }
  const { app, read, remove, lines, close } = await serve(t, dataDir)
  for (const { id, context } of [one!, three!]) t.same((await read(id)).json(), context)
  t.match(assertProblem(t, await read(two!.id), lost).detail, /shredded/)
  assertProblem(t, await app.inject(`${PATH}/${two!.id}/env`), lost)
  t.match((await read(two!.id, '?view=redacted')).json(), { metadata: { id: two!.id } })
  t.match(assertProblem(t, await remove(two!.id), lost).detail, /was deleted, and cannot be shown as it was: .*shredded/)
  t.equal((await read(two!.id)).statusCode, 404)
  t.equal((await createContext(app, 'four')).slug, 'four')
  t.notMatch(JSON.stringify(lines), /s3cr3t/)
  await close()
})

t.test('where it ends between shredding and deleting, the context is there, without its secrets, and can be deleted', async t => {
  const store = new MemoryStore()
  let fails = true
  const failing = new Proxy(store, {
    get (target, name) {
      if (name === 'remove' && fails) return async () => { throw new GatewayError('unavailable', 'the disk fails') }
      const value = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
  const { app, lines } = await startGateway(t, failing)
  const { read, remove, deletions } = callsOf(app)
  const { id } = await createContext(app)
  assertProblem(t, await remove(id), lost)
  fails = false
  assertProblem(t, await read(id), lost)
  t.equal((await read(id, '?view=redacted')).statusCode, 200)
  t.same(await deletions(), [])
  t.equal((await remove(id, '?shred=true&view=redacted')).statusCode, 200)
  t.same(await deletions(), [[id, true]])
  t.notMatch(JSON.stringify(lines), /s3cr3t/)
})

t.test('the checks come first: what is not deleted is not shredded', async t => {
  const { app } = await startGateway(t)
  const { read } = callsOf(app)
  const { id, context } = await createContext(app)
  const headers = { 'if-match': `"${id}.7.full"` }
  assertProblem(t, await app.inject({ method: 'DELETE', url: `${PATH}/${id}?shred=true`, headers }), { status: 412, code: 'failed_precondition' })
  t.same((await read(id)).json(), context)
})

t.test('what has no secrets is just deleted', async t => {
  const { app } = await startGateway(t)
  const { remove, deletions } = callsOf(app)
  const spec = { execution_id: 'wfx-1', data: { REGION: { value: 'eu-central-1' } } }
  const { metadata: { id } } = (await post(app, contextBody({ spec }))).json()
  t.equal((await remove(id)).statusCode, 200)
  t.same(await deletions(), [[id, undefined]])
})

/** Has the context sealed as the version before did it. */
async function sealAsBefore (store: Store, dataDir: string, id: string): Promise<void> {
  const ring = await KeyRing.open({ store: new RingFile(join(dataDir, 'keyring.json')) })
  const { sealedBy, body, ...believed } = (await store.find(KIND, id))!
  const key = await ring.key(sealedBy!)
  const header = Buffer.from(`\x01${key.id}`, 'latin1')
  const box = encrypt(derive(key, `ectx sealed context 1 ${id}`), Buffer.concat([header, Buffer.from(id)]), '{"TOKEN":"s3cr3t"}')
  await store.replace(proveRecord(key, believed, decodeBody({ ...believed, body }), Buffer.concat([header, box])), believed.revision)
}

t.test('what an older version sealed can be read and deleted, and not shredded', async t => {
  const store = new MemoryStore()
  const { app, dataDir } = await startGateway(t, store)
  const { read, remove, removeAll, deletions } = callsOf(app)
  const [old, other] = [await createContext(app, 'old'), await createContext(app, 'other')]
  await sealAsBefore(store, dataDir, old.id)
  t.same((await read(old.id)).json(), old.context)
  const refused = { status: 412, code: 'failed_precondition' } as const
  t.match(assertProblem(t, await remove(old.id), refused).detail, /delete it without/)
  t.same((await read(old.id)).json(), old.context)
  t.match(assertProblem(t, await removeAll('wfx-1'), refused).detail, new RegExp(`1 were deleted, and 1 \\(${old.id}\\)`))
  t.equal((await read(other.id)).statusCode, 404)
  t.same(await deletions(), [[other.id, true]])
  t.equal((await remove(old.id, '')).statusCode, 200)
})

t.test('all of an execution are shredded at once', async t => {
  const { app } = await startGateway(t)
  const { removeAll, deletions, read } = callsOf(app)
  const ids: string[] = []
  for (let n = 0; n < 20; n++) ids.push((await createContext(app, `run ${n}`)).id)
  t.same((await removeAll('wfx-1')).json().deleted.sort(), ids.sort())
  t.same((await deletions()).sort(), ids.map(id => [id, true]))
  for (const id of ids) t.equal((await read(id)).statusCode, 404)
})

t.test('a new run token does not seal the secrets again: no leaf is left that would open them', async t => {
  const store = new MemoryStore()
  const { app } = await startGateway(t, store)
  const make = () => post(app, contextBody(), `${PATH}?run_token=true`, { 'idempotency-key': 'one' })
  const { metadata: { id } } = (await make()).json()
  const sealedNow = async () => Buffer.from(decodeBody((await store.find(KIND, id))!).sealed).toString('hex')
  const before = await sealedNow()
  t.equal((await make()).headers['idempotent-replayed'], 'true')
  t.equal(await sealedNow(), before)
})

t.test('where the trees are missing nothing is sealed or shredded, until they are back; nothing is made in their place', async t => {
  const dataDir = newDataDir(t)
  const [shred, away] = [join(dataDir, 'shred'), join(dataDir, 'away')]
  const before = await serve(t, dataDir)
  const { id, context } = await createContext(before.app)
  const other = await createContext(before.app, 'other')
  await before.close()
  renameSync(shred, away)

  const { app, read, remove, lines, close } = await serve(t, dataDir)
  t.match(lines.filter(({ level }) => level === 'error'), [{ problem: /the tree of the key 'key-\w{26}' is missing in shred\// }])
  assertProblem(t, await app.inject('/readyz'), lost)
  assertProblem(t, await post(app, contextBody({ metadata: { name: 'new' } })), lost)
  assertProblem(t, await read(id), lost)
  assertProblem(t, await remove(id), lost)
  t.equal((await read(id, '?view=redacted')).statusCode, 200, 'nothing was deleted')
  assertProblem(t, await remove(other.id, ''), lost)
  t.equal((await read(other.id)).statusCode, 404, 'without shredding it is')
  await (await KeyRing.open({ store: new RingFile(join(dataDir, 'keyring.json')) })).rotate()
  t.notOk(existsSync(shred))

  renameSync(away, shred)
  t.same((await read(id)).json(), context)
  t.equal((await app.inject('/readyz')).statusCode, 200)
  t.equal((await remove(id)).statusCode, 200)
  await close()
  t.equal(readdirSync(shred).every(name => /^key-\w{26}\.tree$/.test(name)), true)
})

t.test('where one tree is lost for ever, another key seals', async t => {
  const dataDir = newDataDir(t)
  const before = await serve(t, dataDir)
  const { id } = await createContext(before.app)
  await before.close()
  for (const name of readdirSync(join(dataDir, 'shred'))) rmSync(join(dataDir, 'shred', name))
  const { app, close } = await serve(t, dataDir)
  assertProblem(t, await post(app, contextBody({ metadata: { name: 'new' } })), lost)
  await (await KeyRing.open({ store: new RingFile(join(dataDir, 'keyring.json')) })).rotate()
  await close()
  const again = await serve(t, dataDir)
  const made = await createContext(again.app, 'new')
  t.same((await again.read(made.id)).json(), made.context)
  assertProblem(t, await again.read(id), lost)
  await again.close()
})
