import assert from 'node:assert/strict'
import {
  batchGetExecutionContexts, createExecutionContext, deleteExecutionContext, deleteExecutionContextsOfExecution, getExecutionContext,
  getExecutionContextByReference, getExecutionContextEnv, heartbeatExecutionContext, listExecutionContextAuditEvents, listExecutionContexts,
  type ExecutionContextInput
} from './sdk.js'

// Its functions ask for paths; each address begins with the gateway's.
const ask = globalThis.fetch
globalThis.fetch = (path, options) => ask(new URL(String(path), process.env.ECTX_URL), options)

/** Does not compile where `value` is an `any`. */
const typed = <T>(value: T & (0 extends 1 & T ? never : unknown)): T => value

const context: ExecutionContextInput = {
  metadata: { name: 'My Run' },
  spec: { execution_id: 'wfx-1', lease: '60s', data: { REGION: { value: 'eu-central-1' }, TOKEN: { value: 's3cr3t', is_secret: true } } }
}

const created = await createExecutionContext(context)
if (created.status !== 201) throw new Error(created.data.detail)
const { id, slug } = created.data.metadata
assert.equal(typed(slug), 'my-run')
assert.equal(typed(created.data.spec.data?.REGION?.value), 'eu-central-1')

const conflict = await createExecutionContext(context)
assert.equal(conflict.status, 409)
if (conflict.status === 409) assert.deepEqual([typed(conflict.data.code), typed(conflict.data.existing_id)], ['already_exists', id])

const got = await getExecutionContext(id, { view: 'redacted' })
assert.deepEqual(got.status === 200 && got.data.spec.data?.TOKEN, { is_secret: true })

const byReference = await getExecutionContextByReference({ slug, kind: 'execution_context' })
assert.equal(byReference.status === 200 && typed(byReference.data.metadata.id), id)

const kept = await heartbeatExecutionContext(id)
assert.match(kept.status === 200 ? typed(kept.data.lease_expire_time) : '', /Z$/)

const listed = await listExecutionContexts({ execution_id: 'wfx-1', page_size: 1 })
assert.equal(listed.status === 200 && typed(listed.data.execution_contexts[0]?.metadata.id), id)

const batch = await batchGetExecutionContexts({ ids: [id, 'exec-nobody'] }, { view: 'redacted' })
assert.deepEqual(batch.status === 200 && typed(batch.data.not_found), ['exec-nobody'])

const environment = await getExecutionContextEnv(id, { keys: ['REGION'] })
assert.deepEqual(environment.status === 200 && environment.data, { REGION: 'eu-central-1' })

const deleted = await deleteExecutionContext(id, { version_message: 'done' })
assert.equal(deleted.status === 200 && typed(deleted.data.spec.execution_id), 'wfx-1')

const cleared = await deleteExecutionContextsOfExecution('wfx-1')
assert.deepEqual(cleared.status === 200 && typed(cleared.data.deleted), [])

const gone = await getExecutionContext(id)
assert.equal(gone.status === 404 && typed(gone.data.code), 'not_found')

const events = await listExecutionContextAuditEvents(id)
if (events.status !== 200) throw new Error(events.data.detail)
assert.deepEqual(events.data.events.map(({ event }) => event).filter(event => /created|revealed|heartbeat|deleted/.test(event)), ['created', 'revealed', 'heartbeat', 'deleted'])
assert.ok(typed(events.data.events[0]!.sequence) > 0)
