import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checkStoreCommand } from '../../src/cli/check-store-command.js'
import { keysCommand } from '../../src/cli/keys-command.js'
import { placesIn } from '../../src/config/places.js'
import { RingFile } from '../../src/engines/embedded/keys/ring-file.js'
import { LevelStore } from '../../src/engines/embedded/level/level-store.js'
import { MemoryStore } from '../../src/engines/memory/memory-store.js'
import { KeyRing } from '../../src/secrets/ring.js'
import { tellOfRing } from '../../src/upkeep/tell-of-ring.js'
import { TestClock } from '../support/clock.js'
import { newDataDir } from '../support/data-dir.js'
import { startGateway } from '../support/gateway.js'
import { until } from '../support/until.js'

const OF_RING = /_(key|ring)$/

/** A data directory with a ring whose first key was retired five minutes ago, the command `keys` for it, and gateways on it. */
async function home (t: Test) {
  const dataDir = newDataDir(t)
  const { database, keyRing } = placesIn(dataDir)
  const clock = new TestClock(Date.now() - 300_000)
  const ring = await KeyRing.open({ store: new RingFile(keyRing), clock })
  await ring.rotate()
  const rootKeys = ['a', 'b'].map(name => join(dataDir, `root-${name}`))
  for (const [index, file] of rootKeys.entries()) writeFileSync(file, String(index + 1).repeat(64))
  const env = (rootKey?: string) => ({ ECTX_DATA_DIR: dataDir, ...rootKey && { ECTX_ROOT_KEY_FILE: rootKey } })
  const keys = async (rootKey: string | undefined, ...args: string[]) => (await keysCommand(args, env(rootKey))).trim()
  const accept = (rootKey: string) => checkStoreCommand(['--accept'], env(rootKey), { isShown: false, begin () {}, add () {}, end () {} }, () => {})
  const start = async (rootKey?: string) => {
    const { app, close } = await startGateway(t, await LevelStore.open(database), env(rootKey))
    const told = async () => {
      await app.inject('/readyz')
      const { events } = (await app.inject('/v1/audit-events?page_size=1000')).json()
      return events.filter(({ event }: any) => OF_RING.test(event)).map(({ event, key_id: key }: any) => key === undefined ? event : `${event} ${key}`) as string[]
    }
    return { close, told }
  }
  return { keyRing, rootKeys, first: ring.list()[0]!.id, keys, accept, start }
}

t.test('the audit log tells what `keys` does beside a gateway that runs', async t => {
  const { keys, start, first } = await home(t)
  const { told, close } = await start()
  t.same(await told(), [], 'the ring that it begins with is not told')
  const expected = [`rotated_key ${await keys(undefined, 'rotate')}`]
  await until(async () => (await told()).length === expected.length)
  t.equal(await keys(undefined, 'prune', '--older-than', '1m'), `destroyed ${first}`)
  expected.push(`destroyed_key ${first}`)
  await until(async () => (await told()).length === expected.length)
  t.same(await told(), expected)
  await close()
  t.same(await (await start()).told(), expected, 'and once')
})

t.test('the audit log tells at the start what `keys` did while no gateway ran', async t => {
  const { keys, accept, start, keyRing, rootKeys: [a = '', b = ''] } = await home(t)
  await (await start()).close()
  const expected: string[] = []
  const isTold = async (rootKey: string, ...events: string[]) => {
    expected.push(...events)
    const { told, close } = await start(rootKey)
    await until(async () => (await told()).length >= expected.length)
    t.same(await told(), expected)
    await close()
  }
  const rotated = await keys(undefined, 'rotate')
  await keys(a, 'wrap')
  await isTold(a, 'wrapped_ring', `rotated_key ${rotated}`)
  await keys(a, 'rewrap', '--to-root-key-file', b)
  await isTold(b, 'wrapped_ring')
  renameSync(keyRing, `${keyRing}.old`)
  const begun = await keys(b, 'begin')
  await isTold(b)
  await accept(b)
  await isTold(b, `replaced_ring ${begun}`, `rotated_key ${begun}`)
})

t.test('of many gateways that share a ring one tells', async t => {
  const clock = new TestClock()
  const store = new MemoryStore(clock)
  const file = join(newDataDir(t), 'keyring.json')
  const rings = await Promise.all([0, 1, 2].map(() => KeyRing.open({ store: new RingFile(file), clock })))
  await tellOfRing({ ring: rings[0]!, store })
  for (let round = 0; round < 3; round++) {
    await rings[round]!.rotate()
    await Promise.all(rings.map(ring => tellOfRing({ ring, store })))
  }
  const events = (await store.outbox.read(0, 99)).map(({ description }) => JSON.parse(`{${description}`))
  t.same(events.map(({ event, key_id: id }) => [event, id]), rings[0]!.list().slice(1).map(({ id }) => ['rotated_key', id]))
})
