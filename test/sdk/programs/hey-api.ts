import {
  applyExecutionContext, batchGetExecutionContexts, createExecutionContext, deleteExecutionContext, deleteExecutionContextsOfExecution,
  getExecutionContext, getExecutionContextByReference, getExecutionContextEnv, heartbeatExecutionContext, listExecutionContexts,
  type ExecutionContextInput
} from './sdk/index.js'
import { client } from './sdk/client.gen.js'

/** Does not compile where `value` is an `any`. */
const typed = <T>(value: T & (0 extends 1 & T ? never : unknown)): T => value

export async function run (baseUrl: string) {
  client.setConfig({ baseUrl })
  const context: ExecutionContextInput = {
    metadata: { name: 'My Run', labels: { team: 'data' } },
    spec: { execution_id: 'wfx-1', lease: '60s', data: { REGION: { value: 'eu-central-1' }, TOKEN: { value: 's3cr3t', is_secret: true } } }
  }

  const created = await createExecutionContext({ body: context, headers: { 'Idempotency-Key': 'once' } })
  if (created.data === undefined) throw new Error(created.error.detail)
  const { id, slug } = created.data.metadata
  const conflict = await createExecutionContext({ body: context })
  const invalid = await createExecutionContext({ body: { metadata: {}, spec: { execution_id: '' } } })
  const missing = await getExecutionContext({ path: { id: 'exec-nobody' } })
  const got = await getExecutionContext({ path: { id } })
  const byReference = await getExecutionContextByReference({ query: { slug, kind: 'execution_context' } })
  const applied = await applyExecutionContext({ body: { ...context, metadata: { slug: 'another' } } })
  const applyConflict = await applyExecutionContext({ body: context })
  const listed = await listExecutionContexts({ query: { execution_id: 'wfx-1', label: { team: 'data' }, page_size: 1 } })
  const kept = await heartbeatExecutionContext({ path: { id } })
  const batch = await batchGetExecutionContexts({ body: { ids: [id, 'exec-nobody'] } })
  const environment = await getExecutionContextEnv({ path: { id }, query: { keys: ['TOKEN', 'REGION'] } })
  const deleted = await deleteExecutionContext({ path: { id }, query: { version_message: 'done' } })
  const cleared = await deleteExecutionContextsOfExecution({ path: { execution_id: 'wfx-1' } })
  const gone = await getExecutionContext({ path: { id } })

  return {
    id: typed(id),
    created: [created.response?.status, typed(slug), typed(created.data.spec.data?.REGION.value)],
    conflict: [conflict.response?.status, typed(conflict.error?.code), typed(conflict.error?.existing_id)],
    invalid: [invalid.response?.status, typed(invalid.error?.code), typed(invalid.error?.errors?.map(({ pointer }) => pointer))],
    missing: [missing.response?.status, typed(missing.error?.code)],
    got: [got.response?.status, typed(got.data?.status.audit.spec_audit.created_by.id)],
    byReference: [byReference.response?.status, typed(byReference.data?.metadata.id)],
    applied: [applied.response?.status, typed(applied.data?.metadata.slug)],
    applyConflict: [applyConflict.response?.status, typed(applyConflict.error?.existing_id)],
    listed: [listed.response?.status, typed(listed.data?.execution_contexts.map(({ metadata }) => metadata.id))],
    kept: [kept.response?.status, typeof typed(kept.data?.lease_expire_time)],
    batch: [batch.response?.status, typed(batch.data?.execution_contexts.length), typed(batch.data?.not_found)],
    environment: [environment.response?.status, typed(environment.data)],
    cleared: [cleared.response?.status, typed(cleared.data?.deleted.length)],
    deleted: [deleted.response?.status, typed(deleted.data?.spec.execution_id)],
    gone: [gone.response?.status, typed(gone.error?.code)]
  }
}
