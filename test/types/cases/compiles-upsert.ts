// The new operation of src/pipeline/README.md, made of real steps and two new ones.
import { executionContextKind as kind } from '../../../src/kinds/execution-context/kind.js'
import type { Dependencies } from '../../../src/kinds/dependencies.js'
import { ExecutionContextSchema, type ExecutionContext } from '../../../src/gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { Pipeline, step } from '../../../src/pipeline/pipeline.js'
import { authorize } from '../../../src/steps/authorize.js'
import type { Call } from '../../../src/resource/call.js'
import { loadForApply } from '../../../src/steps/load-for-apply.js'
import { resolveSlug } from '../../../src/steps/resolve-slug.js'
import { validateProto } from '../../../src/steps/validate-proto.js'
import type { Opened } from '../../../src/resource/sealed-record.js'
import type { Store, StoredRecord } from '../../../src/storage/store.js'

declare const merge: (input: ExecutionContext, existing: Opened | undefined) => StoredRecord

const mergeState = step('MergeState', ({ input, existing }: { input: ExecutionContext, existing: Opened | undefined }) =>
  ({ record: merge(input, existing), created: existing === undefined }))

const save = (store: Store) => step('Save', async ({ record, existing }: { record: StoredRecord, existing: Opened | undefined }) => {
  if (existing === undefined) await store.insert(record)
  else await store.replace(record, existing.record.revision)
})

export const upsert = ({ store, audit, vault }: Dependencies) => Pipeline.from<Call<ExecutionContext>>('upsert')
  .step(authorize(audit, kind.label))
  .step(validateProto(ExecutionContextSchema))
  .step(resolveSlug)
  .step(loadForApply(store, vault, kind))
  .step(mergeState)
  .step(save(store))

export const created = async (dependencies: Dependencies, call: Call<ExecutionContext>): Promise<boolean> => (await upsert(dependencies).run(call)).created
