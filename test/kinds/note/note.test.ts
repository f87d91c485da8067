import { create } from '@bufbuild/protobuf'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { SYSTEM } from '../../../src/auth/caller.js'
import { loadConfig } from '../../../src/config/config.js'
import { openEngine } from '../../../src/engines/open-engine.js'
import { GatewayError } from '../../../src/errors.js'
import { ApiResourceDeleteInputSchema, ApiResourceReferenceSchema } from '../../../src/gen/ai/stigmer/commons/apiresource/io_pb.js'
import { ApiResourceMetadataSchema } from '../../../src/gen/ai/stigmer/commons/apiresource/metadata_pb.js'
import { executionContextOperations } from '../../../src/kinds/execution-context/operations.js'
import { KeyRing } from '../../../src/secrets/ring.js'
import { Trees } from '../../../src/secrets/trees.js'
import { vaultOf } from '../../../src/secrets/vault.js'
import { createLogger } from '../../../src/telemetry/log.js'
import { lookAfterKeys } from '../../../src/upkeep/keep-keys.js'
import { TestClock } from '../../support/clock.js'
import { newDataDir } from '../../support/data-dir.js'
import { noteOperations } from './operations.js'
import type { Note } from './kind.js'

const HOUR = 3_600_000
const origin = { caller: SYSTEM, requestId: 'request-1' }
const note = (name: string, org: string, more: Partial<Note> = {}): Note =>
  ({ metadata: create(ApiResourceMetadataSchema, { name, org }), text: 'in the clear', secret: 's3cr3t', ...more })

/** Notes and contexts in one engine, whose keys are looked after. */
async function gateway (t: Test, store: string) {
  const clock = new TestClock()
  const engine = await openEngine(loadConfig({ ECTX_STORE: store, ECTX_DATA_DIR: join(newDataDir(t), 'data') }), clock, () => {})
  t.teardown(() => engine.close())
  const ring = await KeyRing.open({ store: engine.keys, clock })
  await engine.integrity?.prove(ring, async () => false)
  await engine.integrity?.check()
  const vault = vaultOf(ring, new Trees(engine.trees))
  const dependencies = { store: engine.store, audit: engine.audit, vault, clock, lifetimes: { defaultMs: HOUR, maxMs: HOUR } }
  const notes = noteOperations(dependencies)
  return {
    ...engine,
    clock,
    notes,
    contexts: executionContextOperations(dependencies, { begin: () => undefined }),
    create: (...args: Parameters<typeof note>) => notes.create({ origin, input: note(...args) }),
    get: async (id: string) => {
      const answer = await notes.get({ origin, input: { value: id } })
      return 'json' in answer ? JSON.parse(answer.json) : undefined
    },
    bySlug: async (org: string, slug: string) => {
      const answer = await notes.getByReference({ origin, input: create(ApiResourceReferenceSchema, { org, slug }) })
      return answer.id
    },
    update: (id: string, text: string, secret: string) => notes.update({ origin, input: { value: id, text, secret } }),
    remove: (id: string, onlyRevisions?: number[]) =>
      notes.delete({ origin, input: create(ApiResourceDeleteInputSchema, { resourceId: id }), onlyRevisions }),
    /** The states of the keys, after they were looked after some hours later. */
    async keysIn (hours: number) {
      clock.time += hours * HOUR
      await lookAfterKeys({ ring, ...engine, log: createLogger('silent', { write () {} }), clock, rotateAfterMs: 24 * HOUR })
      return ring.list().map(({ state }) => state)
    }
  }
}

const codeOf = (running: Promise<unknown>) => running.then(() => 'ok', error => GatewayError.from(error).code)

for (const store of ['embedded', 'memory']) {
  t.test(`${store}: a second kind is created, read, updated and deleted, in scopes of its own`, async t => {
    const { create, get, bySlug, update, remove, audit } = await gateway(t, store)
    const first = await create('My Note', 'acme')
    const other = await create('My Note', 'other')
    t.equal(await codeOf(create('My Note', 'acme')), 'already_exists')
    t.same([await bySlug('acme', 'my-note'), await bySlug('other', 'my-note')], [first.id, other.id])
    t.equal(await codeOf(bySlug('', 'my-note')), 'not_found')
    t.match(await get(first.id), { text: 'in the clear', secret: { value: 's3cr3t', is_secret: true } })

    const updated = await update(first.id, 'new text', 'n3w')
    t.equal(updated.revision, 2)
    t.same(await get(first.id), JSON.parse(updated.json))
    t.match(await get(first.id), { text: 'new text', secret: { value: 'n3w' }, status: { audit: { spec_audit: { event: 'updated' } } } })
    t.match(await get(other.id), { secret: { value: 's3cr3t' } })
    const racing = await Promise.all(['a', 'b', 'c'].map(text => codeOf(update(first.id, text, text))))
    t.same(racing.toSorted(), ['aborted', 'aborted', 'ok'], 'of updates over one revision one succeeds')

    t.equal(await codeOf(remove(first.id, [1])), 'failed_precondition')
    t.equal((await remove(first.id, [3])).revision, 3)
    t.equal(await codeOf(get(first.id)), 'not_found')
    t.equal(await bySlug('other', 'my-note'), other.id)
    const events = (await audit.query({ contextId: first.id, pageSize: 99 })).events.map(({ operation }) => operation)
    t.same(events, ['create', 'getByReference', 'get', 'update', 'get', 'get', 'update', 'delete'])
  })

  t.test(`${store}: keys are rotated and destroyed over both kinds, and none that seals a note`, async t => {
    const { create, get, update, remove, keysIn } = await gateway(t, store)
    const { id } = await create('Kept', 'acme')
    t.same(await keysIn(24), ['retired', 'active'])
    t.same(await keysIn(1), ['retired', 'active'], 'which seals the note')
    t.match(await get(id), { secret: { value: 's3cr3t' } })
    t.same(await keysIn(24), ['retired', 'retired', 'active'])
    t.same(await keysIn(1), ['retired', 'destroyed', 'active'])
    await update(id, 'text', 'n3w')
    t.same(await keysIn(1), ['destroyed', 'destroyed', 'active'], 'the update was sealed with the key of now')
    t.match(await get(id), { secret: { value: 'n3w' } })
    t.same(await keysIn(24), ['destroyed', 'destroyed', 'retired', 'active'])
    await remove(id)
    t.same(await keysIn(1), ['destroyed', 'destroyed', 'destroyed', 'active'])
  })
}
