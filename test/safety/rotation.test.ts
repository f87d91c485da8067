import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openAuditFiles } from '../../src/engines/embedded/audit/audit-files.js'
import { verify } from '../../src/engines/embedded/audit/verify.js'
import { RingFile } from '../../src/engines/embedded/keys/ring-file.js'
import { LevelStore } from '../../src/engines/embedded/level/level-store.js'
import { lookAfterKeys } from '../../src/upkeep/keep-keys.js'
import { tellOfRing } from '../../src/upkeep/tell-of-ring.js'
import { createLogger } from '../../src/telemetry/log.js'
import type { KeyInfo } from '../../src/secrets/key-row.js'
import { TreeFiles } from '../../src/engines/embedded/trees/tree-files.js'
import { KeyRing } from '../../src/secrets/ring.js'
import { recordsOf } from '../audit/support.js'
import { newDataDir } from '../support/data-dir.js'
import { createContext, PATH, startGateway } from '../support/gateway.js'
import { assertProblem } from '../support/problem.js'
import { KIND } from '../support/records.js'
import { TestClock } from '../support/clock.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** A data directory, and what is done with it: always by one at a time. */
function newHome (t: Test, dataDir = newDataDir(t)) {
  const file = join(dataDir, 'keyring.json')
  const openStore = () => LevelStore.open(join(dataDir, 'db'))
  return {
    dataDir,
    file,
    /** Does `work` with a gateway that runs meanwhile. */
    async serving<Result> (work: (app: Awaited<ReturnType<typeof startGateway>>['app']) => Promise<Result>): Promise<Result> {
      const { app, close } = await startGateway(t, await openStore(), { ECTX_DATA_DIR: dataDir })
      return work(app).finally(close)
    },
    /** Looks after the keys as it is done at the time `now`; answers them. */
    async keptAt (now: number): Promise<KeyInfo[]> {
      const clock = new TestClock(now)
      const store = await openStore()
      const audit = await openAuditFiles(store.outbox, { directory: join(dataDir, 'audit') })
      const ring = await KeyRing.open({ store: new RingFile(file), clock })
      t.equal(await store.integrity.prove(ring, async () => false), undefined)
      const keeping = { ring, trees: new TreeFiles(join(dataDir, 'shred'), store), store, log: createLogger('silent', { write () {} }), clock, rotateAfterMs: DAY }
      await lookAfterKeys(keeping)
      await tellOfRing(keeping)
      await audit.close()
      await store.close()
      return ring.list()
    },
    async keyOf (id: string) {
      const store = await openStore()
      const record = await store.find(KIND, id)
      await store.close()
      return record!.sealedBy
    }
  }
}

/** All that the files of `directory` hold. */
const bytesIn = (directory: string) => Buffer.concat(readdirSync(directory, { recursive: true, withFileTypes: true })
  .filter(entry => entry.isFile())
  .map(entry => readFileSync(join(entry.parentPath, entry.name))))

const states = (keys: KeyInfo[]) => keys.map(({ state }) => state)

t.test('rotated keys open what they sealed, until nothing is sealed with them: then they are destroyed, and so is every copy of it', async t => {
  const home = newHome(t)
  const [first, second] = await home.serving(async app => [await createContext(app, 'first'), await createContext(app, 'second')])
  const start = Date.now()
  t.same(states(await home.keptAt(start + HOUR)), ['active'])
  const [old, current] = await home.keptAt(start + DAY)
  t.same([old!.state, current!.state], ['retired', 'active'])
  t.same(await home.keptAt(start + DAY + HOUR), [old, current], 'what seals a context stays')

  const third = await home.serving(async app => {
    for (const { id, context } of [first, second]) t.same((await app.inject(`${PATH}/${id}`)).json(), context)
    return createContext(app, 'third')
  })
  t.equal(await home.keyOf(second.id), old!.id)
  t.equal(await home.keyOf(third.id), current!.id)

  const copy = newHome(t)
  cpSync(join(home.dataDir, 'db'), join(copy.dataDir, 'db'), { recursive: true })
  const material = Buffer.from(JSON.parse(readFileSync(home.file, 'utf8')).keys[0].material, 'base64')
  const forms = [material.toString('base64'), material.toString('base64url'), material.toString('hex'), material]
  const isHeld = (directory: string) => forms.some(form => bytesIn(directory).includes(form))
  t.ok(isHeld(home.dataDir))

  const remove = (id: string) => home.serving(app => app.inject({ method: 'DELETE', url: `${PATH}/${id}` }))
  t.equal((await remove(first.id)).statusCode, 200)
  t.same(states(await home.keptAt(start + DAY + 2 * HOUR)), ['retired', 'active'], 'the other is still there')
  t.equal((await remove(second.id)).statusCode, 200)
  t.match(await home.keptAt(start + DAY + 3 * HOUR), [
    { id: old!.id, state: 'destroyed', destroyed_at: new Date(start + DAY + 3 * HOUR).toISOString() },
    { id: current!.id, state: 'active' }
  ])
  t.notOk(isHeld(home.dataDir), 'no file holds the key any more')
  t.match(JSON.parse(readFileSync(home.file, 'utf8')).keys, [{ id: old!.id, material: undefined }, { id: current!.id, material: /./ }])
  await home.serving(async app => t.same((await app.inject(`${PATH}/${third.id}`)).json(), third.context))

  t.same(readdirSync(join(home.dataDir, 'shred')), [`${current!.id}.tree`], 'its tree is gone, too')
  cpSync(home.file, copy.file)
  cpSync(join(home.dataDir, 'shred'), join(copy.dataDir, 'shred'), { recursive: true })
  await copy.serving(async app => {
    for (const { id } of [first, second]) {
      const { detail } = assertProblem(t, await app.inject(`${PATH}/${id}`), { status: 503, code: 'unavailable' })
      t.match(detail, new RegExp(`${old!.id}.*destroyed`))
      t.equal((await app.inject(`${PATH}/${id}?view=redacted`)).statusCode, 503, 'nor is what nothing proves shown')
    }
    t.same((await app.inject(`${PATH}/${third.id}`)).json(), third.context)
    t.equal((await app.inject('/readyz')).statusCode, 200)
  })
  for (const { dataDir } of [home, copy]) for (const form of ['s3cr3t', Buffer.from('s3cr3t').toString('hex'), ...forms]) t.notOk(bytesIn(dataDir).includes(form))

  const directory = join(home.dataDir, 'audit')
  t.match((await recordsOf(directory)).filter(({ event }) => event === 'rotated_key'), [
    { caller: { name: 'system', kind: 'system' }, key_id: current!.id, outcome: 'ok' }
  ])
  t.same((await verify(directory)).problems, [])
})

t.test('a rotation by another process reaches a gateway that runs, which goes on to open what it had sealed', async t => {
  const { app, dataDir } = await startGateway(t)
  const before = await createContext(app, 'before')
  const other = await KeyRing.open({ store: new RingFile(join(dataDir, 'keyring.json')) })
  await other.rotate()
  const after = await createContext(app, 'after')
  await other.rotate()
  for (const { id, context } of [before, after]) t.same((await app.inject(`${PATH}/${id}`)).json(), context)
})
