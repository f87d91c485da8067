import { GetEnvRequestSchema, type GetEnvRequest } from '../../gen/ectx/v1/execution_context_pb.js'
import { Pipeline } from '../../pipeline/pipeline.js'
import { authorize } from '../../steps/authorize.js'
import type { Call } from '../../resource/call.js'
import { loadVersion } from '../../steps/load-version.js'
import { validateProto } from '../../steps/validate-proto.js'
import { executionContextKind as kind } from './kind.js'
import { writeEnv } from './write-env.js'
import type { Dependencies } from '../dependencies.js'

const idOf = ({ id }: GetEnvRequest) => id

/** Writes the values of a context as one environment. */
export const exportEnv = ({ store, audit, vault }: Dependencies) => Pipeline.from<Call<GetEnvRequest>>('exportEnv')
  .step(authorize(audit, kind.label, { target: (input: GetEnvRequest) => ({ contextId: idOf(input) }) }))
  .step(validateProto(GetEnvRequestSchema))
  .step(loadVersion(store, vault, kind, idOf))
  .step(writeEnv(audit))
