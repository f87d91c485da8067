import { create } from '@bufbuild/protobuf'
import type { ApiResourceDeleteInput, ApiResourceReference } from '../../../src/gen/ai/stigmer/commons/apiresource/io_pb.js'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { ApiResourceAuditSchema } from '../../../src/gen/ai/stigmer/commons/apiresource/status_pb.js'
import type { Dependencies } from '../../../src/kinds/dependencies.js'
import { commit, Pipeline, step } from '../../../src/pipeline/pipeline.js'
import { sealResource } from '../../../src/resource/answer.js'
import { eventOf, type Happening } from '../../../src/resource/audit-event.js'
import type { Call, ReadCall, View } from '../../../src/resource/call.js'
import { operation } from '../../../src/resource/operation.js'
import type { Opened } from '../../../src/resource/sealed-record.js'
import { authorize } from '../../../src/steps/authorize.js'
import { buildNewState } from '../../../src/steps/build-new-state.js'
import { checkDuplicate } from '../../../src/steps/check-duplicate.js'
import { checkRevision } from '../../../src/steps/check-revision.js'
import { deleteResource } from '../../../src/steps/delete-resource.js'
import { disclose } from '../../../src/steps/disclose.js'
import { extractResourceId } from '../../../src/steps/extract-resource-id.js'
import { loadByReference } from '../../../src/steps/load-by-reference.js'
import { loadExistingForDelete } from '../../../src/steps/load-existing-for-delete.js'
import { loadTarget } from '../../../src/steps/load-target.js'
import { persist } from '../../../src/steps/persist.js'
import { resolveSlug } from '../../../src/steps/resolve-slug.js'
import { seal } from '../../../src/steps/seal.js'
import { showExisting } from '../../../src/steps/show-existing.js'
import { noteKind as kind, type Note } from './kind.js'

interface Update {
  readonly value: string
  readonly text: string
  readonly secret: string
}

const idOf = ({ value }: { readonly value: string }) => value

const createNote = ({ store, audit, vault, clock }: Dependencies) => Pipeline.from<Call<Note>>('create')
  .step(authorize(audit, kind.label))
  .step(resolveSlug)
  .step(checkDuplicate(store, vault, kind))
  .step(buildNewState(kind, clock))
  .step(seal(vault, kind))
  .step(persist(store, audit, kind))

const getNote = ({ store, audit, vault }: Dependencies) => Pipeline.from<ReadCall<{ readonly value: string }>>('get')
  .step(authorize(audit, kind.label, { viewers: true }))
  .step(loadTarget(store, vault, kind, idOf))
  .step(disclose(audit, kind))

const getNoteByReference = ({ store, audit, vault }: Dependencies) => Pipeline.from<ReadCall<ApiResourceReference>>('getByReference')
  .step(authorize(audit, kind.label, { viewers: true }))
  .step(loadByReference(store, vault, kind))
  .step(disclose(audit, kind))

/** The note as it will be: what the caller sent in the place of what there is, and who changed it when. */
const buildUpdatedState = ({ clock, vault }: Dependencies) =>
  step('BuildUpdatedState', async ({ input, opened, view, origin }: Happening & { input: Update, opened: Opened, view: View }) => {
    const { metadata } = kind.decode(opened.json)
    const at = timestampFromMs(clock.now())
    const audit = create(ApiResourceAuditSchema, { specAudit: { updatedBy: { id: origin.caller.name }, updatedAt: at, event: 'updated' } })
    const updated: Note = { metadata: metadata!, text: input.text, secret: input.secret, status: { audit } }
    return sealResource(vault, kind, updated, {}, view, opened.record.revision + 1)
  })

const replace = ({ store, audit }: Dependencies) =>
  commit('Replace', async (ctx: Happening & { record: Opened['record'], opened: Opened }) => {
    audit.admit()
    await store.replace(ctx.record, ctx.opened.record.revision, { audit: [eventOf('created', ctx, ctx.record)] })
  })

const updateNote = (dependencies: Dependencies) => Pipeline.from<Call<Update>>('update')
  .step(authorize(dependencies.audit, kind.label))
  .step(loadTarget(dependencies.store, dependencies.vault, kind, idOf))
  .step(buildUpdatedState(dependencies))
  .step(replace(dependencies))

const deleteNote = ({ store, audit, vault }: Dependencies) =>
  Pipeline.from<Call<ApiResourceDeleteInput> & { readonly onlyRevisions: readonly number[] | undefined }>('delete')
    .step(authorize(audit, kind.label))
    .step(extractResourceId)
    .step(loadExistingForDelete(store, kind))
    .step(showExisting(audit, vault, kind))
    .step(checkRevision(kind))
    .step(deleteResource(store, kind))

/** All that can be done with notes. */
export const noteOperations = (dependencies: Dependencies) => {
  const observer = { begin: () => undefined }
  return {
    create: operation(createNote(dependencies), 'answer', observer),
    get: operation(getNote(dependencies), 'answer', observer),
    getByReference: operation(getNoteByReference(dependencies), 'answer', observer),
    update: operation(updateNote(dependencies), 'answer', observer),
    delete: operation(deleteNote(dependencies), 'answer', observer)
  }
}
