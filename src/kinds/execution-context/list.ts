import { ListExecutionContextsRequestSchema, type ListExecutionContextsRequest } from '../../gen/ectx/v1/execution_context_pb.js'
import { Pipeline } from '../../pipeline/pipeline.js'
import { authorize } from '../../steps/authorize.js'
import type { Call } from '../../resource/call.js'
import { disclosePage } from '../../steps/disclose-page.js'
import { loadPage } from '../../steps/load-page.js'
import { validateProto } from '../../steps/validate-proto.js'
import { buildFilter } from './build-filter.js'
import { executionContextKind as kind } from './kind.js'
import type { Dependencies } from '../dependencies.js'

/** Reads a page of the contexts that the input asks for, without secrets. */
export const list = ({ store, audit, vault }: Dependencies) => Pipeline.from<Call<ListExecutionContextsRequest>>('list')
  .step(authorize(audit, kind.label, { viewers: true, runs: true }))
  .step(validateProto(ListExecutionContextsRequestSchema))
  .step(buildFilter)
  .step(loadPage(store, vault, kind))
  .step(disclosePage(audit, kind))
