import { Type } from '@sinclair/typebox'
import { ExecutionContextSchema } from './execution-context.js'
import { input, output, ref } from './helpers.js'

const ids = (description: string) => Type.Array(Type.String(), { description })

export const ExecutionContextPageSchema = output('ExecutionContextPage', {
  execution_contexts: Type.Array(ref(ExecutionContextSchema), { description: 'Newest first, without the values of their secrets.' }),
  next_page_token: Type.Optional(Type.String({ description: 'For the next page; left out on the last, and only there.' })),
  damaged: Type.Optional(ids('The ids of those that belong here and cannot be read; left out where there are none.'))
}, { description: 'A page of contexts.' })

export const DeletedExecutionContextsSchema = output('DeletedExecutionContexts', {
  deleted: ids('The ids of those that this request deleted; none where there were none.')
}, { description: 'What was deleted of an execution.' })

export const BatchGetExecutionContextsRequestSchema = input('BatchGetExecutionContextsRequest', {
  ids: Type.Array(Type.String({ minLength: 1, maxLength: 253 }), { minItems: 1, maxItems: 100, description: 'Ids of contexts, up to 100.' })
}, { description: 'Which contexts to read.' })

export const ExecutionContextBatchSchema = output('ExecutionContextBatch', {
  execution_contexts: Type.Array(ref(ExecutionContextSchema), { description: 'Those that there are, in the order that was asked for.' }),
  not_found: ids('The ids of those that there are not.')
}, { description: 'The contexts of a batch.' })

export const ExecutionContextLeaseSchema = output('ExecutionContextLease', {
  lease_expire_time: Type.String({ format: 'date-time', description: 'When the context is gone unless another heartbeat comes.' }),
  expire_time: Type.String({ format: 'date-time', description: 'When it is gone whatever comes.' })
}, { description: 'How long a context is kept.' })
