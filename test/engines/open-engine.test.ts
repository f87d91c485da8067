import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadConfig } from '../../src/config/config.js'
import type { Engine } from '../../src/engines/engine.js'
import { systemClock } from '../../src/clock.js'
import { openEngine } from '../../src/engines/open-engine.js'
import { KeyRing } from '../../src/secrets/ring.js'
import { newEvent } from '../audit/support.js'
import { newDataDir } from '../support/data-dir.js'
import { KIND, newRecord } from '../support/records.js'

const unavailable = { code: 'unavailable' }

/** What ECTX_STORE names, in `dataDir`, and what it warns of. */
async function open (t: Test, store: string, dataDir: string, env: Readonly<Record<string, string>> = {}) {
  const warnings: string[] = []
  const config = loadConfig({ ECTX_STORE: store, ECTX_DATA_DIR: dataDir, ...env })
  const engine = await openEngine(config, systemClock, message => { warnings.push(message) })
  t.teardown(() => engine.close())
  return { engine, warnings }
}

async function use ({ store, audit, keys }: Engine) {
  await store.insert(newRecord('a'))
  await audit.record(newEvent('a'))
  return (await KeyRing.open({ store: keys })).current()
}

for (const name of ['embedded', 'memory']) {
  t.test(`${name}: keeps records, events and keys, finishes what was accepted, then refuses`, async t => {
    const { engine } = await open(t, name, newDataDir(t))
    await use(engine)
    t.ok(await engine.store.find(KIND, 'a'))
    t.equal((await engine.audit.query({ pageSize: 1 })).events[0]?.context_id, 'a')
    const accepted = [engine.store.insert(newRecord('b')), engine.audit.record(newEvent('b'))]
    await Promise.all([engine.close(), ...accepted])
    await t.rejects(engine.store.insert(newRecord('c')), unavailable)
    await t.rejects(engine.audit.record(newEvent('c')), unavailable)
    await engine.close()
  })

  t.test(`${name}: keeps over a restart what it says that it does`, async t => {
    const dataDir = newDataDir(t)
    const { engine: { supports, ...first } } = await open(t, name, dataDir)
    const key = await use({ supports, ...first })
    await first.close()
    const { engine, warnings } = await open(t, name, dataDir)
    t.equal(await engine.store.find(KIND, 'a') !== undefined, supports.durable)
    t.equal((await engine.audit.query({ pageSize: 9 })).events.length, supports.durable ? 1 : 0)
    t.equal((await (await KeyRing.open({ store: engine.keys })).current()).id === key.id, supports.durable)
    t.equal(warnings.length, supports.durable ? 0 : 1, 'and warns where that is nothing')
  })
}

t.test('without ECTX_STORE it is the embedded engine, whose files lie in the data directory', async t => {
  const dataDir = newDataDir(t)
  const { engine } = await open(t, '', dataDir)
  await use(engine)
  t.same(readdirSync(dataDir).sort(), ['audit', 'db', 'keyring.json'])
})

t.test('the memory engine touches no file, whatever else is set', async t => {
  const dataDir = join(newDataDir(t), 'data')
  const elsewhere = join(newDataDir(t), 'ring.json')
  const { engine, warnings } = await open(t, 'memory', dataDir, { ECTX_KEYRING_FILE: elsewhere })
  await use(engine)
  await engine.close()
  t.same([dataDir, elsewhere].filter(existsSync), [])
  t.match(warnings, [/gone when this process ends/])
})

t.test('a second embedded engine on the data directory opens nothing, and disturbs nothing', async t => {
  const dataDir = newDataDir(t)
  const { engine } = await open(t, 'embedded', dataDir)
  await use(engine)
  await t.rejects(open(t, 'embedded', dataDir), { code: 'unavailable', message: /another process has it open/ })
  await engine.store.insert(newRecord('b'))
  await engine.audit.record(newEvent('b'))
  t.equal((await engine.audit.query({ pageSize: 9 })).events.length, 2)
})

t.test('an embedded engine that cannot open all leaves nothing open', async t => {
  const dataDir = newDataDir(t)
  writeFileSync(join(dataDir, 'audit'), 'in the way')
  await t.rejects(open(t, 'embedded', dataDir), { code: 'unavailable', message: /cannot open the audit log/ })
  await t.rejects(open(t, 'embedded', dataDir), { code: 'unavailable', message: /cannot open the audit log/ }, 'so that its lock is free again')
})

t.test('a root key that is none is told before anything is made', async t => {
  const dataDir = join(newDataDir(t), 'data')
  await t.rejects(open(t, 'embedded', dataDir, { ECTX_ROOT_KEY: 'x' }), { code: 'invalid_argument', message: /^ECTX_ROOT_KEY: / })
  t.notOk(existsSync(dataDir))
})
