import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { RingFile } from '../../src/engines/embedded/keys/ring-file.js'
import { LevelStore } from '../../src/engines/embedded/level/level-store.js'
import { KeyRing } from '../../src/secrets/ring.js'
import { parseRootKey } from '../../src/secrets/root-key.js'
import type { Store } from '../../src/storage/store.js'
import { newDataDir } from '../support/data-dir.js'
import { contextBody, createContext, PATH, post, startGateway } from '../support/gateway.js'
import { assertProblem } from '../support/problem.js'
import { KIND } from '../support/records.js'
import { until } from '../support/until.js'

const ROOT_KEY = Buffer.alloc(32, 1).toString('base64')
const OTHER_ROOT_KEY = Buffer.alloc(32, 2).toString('base64')

const WITHOUT_SECRETS = { metadata: { name: 'plain' }, spec: { execution_id: 'wfx-1', data: { REGION: { value: 'x' } } } }
const idsIn = async (store: Store) => (await store.page(KIND, {}, undefined, 99)).records.map(({ id }) => id)
const keyOf = (ring: Buffer): string => JSON.parse(ring.toString()).keys[0].id

/** The text of a ring that has other keys. */
async function anotherRing (t: Test, rootKey?: string): Promise<Buffer> {
  const file = join(newDataDir(t), 'another.json')
  await KeyRing.open({ store: new RingFile(file, rootKey === undefined ? undefined : parseRootKey(rootKey)) })
  return readFileSync(file)
}

/** A gateway with contexts, and functions that stop and start it. */
async function gatewayWithSecrets (t: Test, env: Record<string, string> = {}) {
  const dataDir = newDataDir(t)
  const start = async () => {
    const store = await LevelStore.open(join(dataDir, 'db'))
    return { store, ...await startGateway(t, store, { ...env, ECTX_DATA_DIR: dataDir }) }
  }
  const gateway = await start()
  const [kept, doomed] = [await createContext(gateway.app, 'kept'), await createContext(gateway.app, 'doomed')]
  const file = join(dataDir, 'keyring.json')
  const ring = readFileSync(file)
  const putBack = () => {
    rmSync(file, { recursive: true, force: true })
    writeFileSync(file, ring, { mode: 0o600 })
  }
  return { ...gateway, start, kept, doomed, file, ring, putBack }
}
type App = Awaited<ReturnType<typeof gatewayWithSecrets>>['app']

const isReady = (app: App) => async () => (await app.inject('/readyz')).statusCode === 200

/** Asserts that nothing can be made, with secrets or without. */
async function assertSealsNothing (t: Test, app: App) {
  for (const [url, query] of [[PATH, ''], [`${PATH}/apply`, ''], [PATH, '?view=redacted']] as const) {
    for (const body of [contextBody(), WITHOUT_SECRETS]) {
      assertProblem(t, await post(app, body, url + query), { status: 503, code: 'unavailable' })
    }
  }
  assertProblem(t, await app.inject('/readyz'), { status: 503, code: 'unavailable' })
  t.equal((await app.inject('/healthz')).statusCode, 200)
}

interface Spoilt {
  readonly env?: Record<string, string>
  readonly spoil: (file: string, ring: Buffer, t: Test) => unknown
  readonly problem: RegExp
}

const spoilt: Readonly<Record<string, Spoilt>> = {
  missing: { spoil: file => rmSync(file), problem: /is missing.*npm run keys -- begin/ },
  damaged: { spoil: (file, ring) => writeFileSync(file, ring.map((byte, at) => at === 200 ? byte ^ 1 : byte)), problem: /is damaged/ },
  empty: { spoil: file => writeFileSync(file, ''), problem: /is damaged/ },
  unreadable: {
    spoil: file => {
      rmSync(file)
      mkdirSync(file)
    },
    problem: /cannot be used \(EISDIR/
  },
  "wrapped by another's root key": {
    env: { ECTX_ROOT_KEY: ROOT_KEY },
    spoil: async (file, _, t) => writeFileSync(file, await anotherRing(t, OTHER_ROOT_KEY)),
    problem: /wrapped by another root key, or was changed/
  },
  'wrapped, though no root key is set': {
    spoil: async (file, _, t) => writeFileSync(file, await anotherRing(t, ROOT_KEY)),
    problem: /wrapped by a root key: set ECTX_ROOT_KEY/
  }
}

for (const [how, { env, spoil, problem }] of Object.entries(spoilt)) {
  t.test(`with a ring that is ${how} the gateway starts, shows nothing, destroys nothing, and heals with the ring`, async t => {
    const { close, start, kept, doomed, file, ring, putBack } = await gatewayWithSecrets(t, env)
    await close()
    await spoil(file, ring, t)
    const again = await start()
    const { app, store, lines, dataDir } = again

    t.match(lines.find(line => line.msg === 'no secret can be sealed or revealed'), { level: 'error', problem })
    for (const url of [`${PATH}/${kept.id}`, `${PATH}/${kept.id}?view=redacted`, `${PATH}/by-reference?slug=kept`, PATH]) {
      const { detail } = assertProblem(t, await app.inject(url), { status: 503, code: 'unavailable' })
      t.ok(detail.includes(keyOf(ring)), 'the key is named')
      t.equal((await app.inject({ method: 'HEAD', url })).statusCode, 503, 'HEAD says what GET does')
      t.notOk(detail.includes(dataDir))
    }
    t.same(await idsIn(store), [doomed.id, kept.id])
    await assertSealsNothing(t, app)
    const deleted = await app.inject({ method: 'DELETE', url: `${PATH}/${doomed.id}` })
    t.match(assertProblem(t, deleted, { status: 503, code: 'unavailable' }).detail, /was deleted, and cannot be shown as it was/)
    const lastEvent = async () => (await app.inject(`${PATH}/${doomed.id}/audit`)).json().events.at(-1)
    await until(async () => (await lastEvent()).event === 'deleted')
    t.match(await lastEvent(), { keys: undefined, outcome: 'ok' })
    t.same(await idsIn(store), [kept.id])

    putBack()
    t.same((await app.inject(`${PATH}/${kept.id}`)).json(), kept.context, 'a reveal looks for its key at once')
    await until(isReady(app))
    t.equal((await post(app, contextBody())).statusCode, 201)
    t.ok(readFileSync(file).equals(ring), 'nobody touched the ring')
    await again.close()
    const last = await start()
    t.notOk(last.lines.find(({ msg }) => String(msg).startsWith('the store does not hold')), 'what was deleted meanwhile is believed')
    t.notMatch(JSON.stringify(lines), /s3cr3t/)
    t.notOk(JSON.stringify(lines).includes(JSON.parse(ring.toString()).keys[0].material))
  })
}

t.test('a ring that goes away while the gateway runs: what was read of it opens, nothing is sealed, and it heals with the ring', async t => {
  const { app, lines, kept, doomed, file, putBack, store } = await gatewayWithSecrets(t)
  rmSync(file)
  await until(async () => !await isReady(app)())
  await assertSealsNothing(t, app)
  t.ok(lines.some(({ level, err }) => level === 'error' && JSON.stringify(err).includes(`${file} is missing`)), 'the log says why')
  t.same((await app.inject(`${PATH}/${kept.id}`)).json(), kept.context)
  t.same((await app.inject({ method: 'DELETE', url: `${PATH}/${doomed.id}` })).json(), doomed.context)
  t.same(await idsIn(store), [kept.id])
  putBack()
  await until(isReady(app))
  t.equal((await post(app, contextBody())).statusCode, 201)
})

t.test('another ring in its place, while the gateway runs: each opens what it sealed, and says which key the other needs', async t => {
  const { app, kept, file, ring, putBack } = await gatewayWithSecrets(t)
  const another = await anotherRing(t)
  const namesKey = (needed: Buffer, url: string) => async () => {
    const response = await app.inject(url)
    return response.statusCode === 503 && response.json().detail.includes(keyOf(needed))
  }
  writeFileSync(file, another)
  await until(namesKey(ring, `${PATH}/${kept.id}`))
  const between = await createContext(app, 'between')
  t.same((await app.inject(`${PATH}/${between.id}`)).json(), between.context)
  putBack()
  t.same((await app.inject(`${PATH}/${kept.id}`)).json(), kept.context)
  t.ok(await namesKey(another, `${PATH}/${between.id}`)())
  t.ok(await namesKey(another, `${PATH}/${between.id}?view=redacted`)())
})

t.test('a first start makes the ring', async t => {
  const { app, dataDir } = await startGateway(t)
  t.equal(await isReady(app)(), true)
  const { id } = await createContext(app)
  t.equal((await app.inject(`${PATH}/${id}`)).statusCode, 200)
  t.match(JSON.parse(readFileSync(join(dataDir, 'keyring.json'), 'utf8')).keys, [{ state: 'active' }])
})
