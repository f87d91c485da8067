import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { API_VERSION, KIND } from '../../schemas/execution-context.js'
import { ExecutionContextCommandController } from '../gen/ai/stigmer/agentic/executioncontext/v1/command_pb.js'
import { ExecutionContextQueryController } from '../gen/ai/stigmer/agentic/executioncontext/v1/query_pb.js'
import type { ExecutionContext } from '../gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { AuditQueries } from '../gen/ectx/audit/v1/query_pb.js'
import { Events } from '../gen/ectx/v1/events_pb.js'
import { ExecutionContextCommands, ExecutionContextQueries } from '../gen/ectx/v1/execution_context_pb.js'
import type { Operations } from '../kinds/operations.js'
import type { Answer, Reading } from '../resource/answer.js'
import type { Origin, View } from '../resource/call.js'
import { eventMessage } from './watch.js'

/** What a call says beside its message. */
export interface Asked {
  readonly origin: Origin
  readonly requestedView: View | undefined
  readonly wantsRunToken: boolean
  readonly shreds: boolean
  readonly idempotencyKey: string | undefined
}

/** A method of a service, and what it does. */
export interface Method<I extends DescMessage = DescMessage, O extends DescMessage = DescMessage> {
  readonly descriptor: DescMethodUnary<I, O>
  /** @throws as operations do */
  run (operations: Operations, input: MessageShape<I>, asked: Asked, signal?: AbortSignal): Promise<MessageInitShape<O>>
}

const method = <I extends DescMessage, O extends DescMessage>(descriptor: DescMethodUnary<I, O>, run: Method<I, O>['run']) =>
  ({ descriptor, run }) as Method

const commands = ExecutionContextCommandController.method
const queries = ExecutionContextQueryController.method

/** A NEW OPERATION: a method in a .proto, and a line here; the one that streams is in `watch.ts`. */
export const METHODS: readonly Method[] = [
  method(commands.create, async ({ executionContexts }, input, asked, signal) =>
    (await executionContexts.create({ ...asked, input: named(input) }, signal)).message()),
  method(commands.apply, async ({ executionContexts }, input, asked, signal) =>
    (await executionContexts.apply({ ...asked, input: named(input) }, signal)).message()),
  method(commands.delete, async ({ executionContexts }, input, { origin, requestedView, shreds }, signal) =>
    (await executionContexts.delete({ origin, requestedView, input, onlyRevisions: undefined, shreds }, signal)).message()),
  method(queries.get, async ({ executionContexts }, input, { origin, requestedView }, signal) =>
    shown(await executionContexts.get({ origin, requestedView, input }, signal))),
  method(queries.getByReference, async ({ executionContexts }, input, { origin, requestedView }, signal) =>
    shown(await executionContexts.getByReference({ origin, requestedView, input }, signal))),
  method(ExecutionContextCommands.method.rotate, async ({ executionContexts }, input, { origin, requestedView, idempotencyKey }, signal) =>
    (await executionContexts.rotate({ origin, requestedView, input, idempotencyKey, onlyRevisions: undefined }, signal)).message()),
  method(ExecutionContextCommands.method.heartbeat, async ({ executionContexts }, input, { origin }, signal) => {
    const { leaseExpireTime, expireTime } = await executionContexts.heartbeat({ origin, input }, signal)
    return { leaseExpireTime: timestampFromMs(leaseExpireTime), expireTime: timestampFromMs(expireTime) }
  }),
  method(ExecutionContextCommands.method.deleteByExecution, async ({ executionContexts }, input, { origin, shreds }, signal) =>
    ({ deleted: await executionContexts.deleteByExecution({ origin, input, shreds }, signal) })),
  method(ExecutionContextQueries.method.list, async ({ executionContexts }, input, { origin }, signal) => {
    const { answers, nextPageToken, damaged } = await executionContexts.list({ origin, input }, signal)
    return { executionContexts: messages(answers), nextPageToken, damaged: [...damaged] }
  }),
  method(ExecutionContextQueries.method.getBatch, async ({ executionContexts }, input, { origin, requestedView }, signal) => {
    const { answers, notFound } = await executionContexts.getBatch({ origin, requestedView, input }, signal)
    return { executionContexts: messages(answers), notFound: [...notFound] }
  }),
  method(ExecutionContextQueries.method.getEnv, async ({ executionContexts }, input, { origin }, signal) =>
    ({ content: (await executionContexts.exportEnv({ origin, input }, signal)).text })),
  method(Events.method.list, async ({ events }, input, { origin }, signal) => {
    const { events: told, next } = await events.list({ origin, input }, signal)
    return { events: told.map(eventMessage), next }
  }),
  method(AuditQueries.method.list, async ({ auditEvents }, input, { origin }, signal) => {
    const { events, verified, nextPageToken } = await auditEvents.list({ origin, input }, signal)
    return { events: events.map(eventOf), verified, nextPageToken }
  })
]

type AuditEvents = Awaited<ReturnType<Operations['auditEvents']['list']>>['events']

const eventOf = ({ sequence, commit, time, count, keys, ...event }: AuditEvents[number]) => ({
  ...event,
  sequence: BigInt(sequence),
  commit: commit === undefined ? undefined : BigInt(commit),
  count: count === undefined ? undefined : BigInt(count),
  time: timestampFromMs(Date.parse(time)),
  contextId: event.context_id,
  executionId: event.execution_id,
  requestId: event.request_id,
  remoteAddress: event.remote_address,
  keyId: event.key_id,
  keysLeftOut: event.keys_left_out === undefined ? undefined : BigInt(event.keys_left_out),
  keys: keys && [...keys]
})

/** `api_version` and `kind` may be left out: there is only one of each here. */
function named (input: ExecutionContext): ExecutionContext {
  input.apiVersion ||= API_VERSION
  input.kind ||= KIND
  return input
}

const messages = (answers: ReadonlyArray<Answer<ExecutionContext>>) => answers.map(answer => answer.message())

/** Nobody who calls by a message says what is held already, so what is read is always shown. */
const shown = (reading: Reading<ExecutionContext>): ExecutionContext => (reading as Answer<ExecutionContext>).message()
