import { ApiResourceDeleteInputSchema, type ApiResourceDeleteInput } from '../../gen/ai/stigmer/commons/apiresource/io_pb.js'
import { Pipeline } from '../../pipeline/pipeline.js'
import { authorize } from '../../steps/authorize.js'
import type { Call } from '../../resource/call.js'
import { checkRevision } from '../../steps/check-revision.js'
import { deleteResource } from '../../steps/delete-resource.js'
import { extractResourceId } from '../../steps/extract-resource-id.js'
import { loadExistingForDelete } from '../../steps/load-existing-for-delete.js'
import { shred } from '../../steps/shred.js'
import { showExisting } from '../../steps/show-existing.js'
import { validateProto } from '../../steps/validate-proto.js'
import { executionContextKind as kind } from './kind.js'
import type { Dependencies } from '../dependencies.js'

/** A delete may be made conditional: where `onlyRevisions` is given, the context must have one of them. */
export interface DeleteCall extends Call<ApiResourceDeleteInput> {
  /** Whether its secrets are to be shredded first. */
  readonly shreds: boolean
  readonly onlyRevisions: readonly number[] | undefined
}

/** Deletes a context and answers it as it was. */
export const deleteContext = ({ store, audit, vault }: Dependencies) => Pipeline.from<DeleteCall>('delete')
  .step(authorize<ApiResourceDeleteInput>(audit, kind.label, {
    target: ({ resourceId }) => ({ contextId: resourceId })
  }))
  .step(validateProto(ApiResourceDeleteInputSchema))
  .step(extractResourceId)
  .step(loadExistingForDelete(store, kind))
  .step(showExisting(audit, vault, kind))
  .step(checkRevision(kind))
  .step(shred(store, vault, kind))
  .step(deleteResource(store, kind))
