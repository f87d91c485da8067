import { ListEventsRequestSchema, type ListEventsRequest } from '../../gen/ectx/v1/events_pb.js'
import { Pipeline } from '../../pipeline/pipeline.js'
import type { Call } from '../../resource/call.js'
import { authorize } from '../../steps/authorize.js'
import { awaitEvents } from '../../steps/await-events.js'
import { openStream } from '../../steps/open-stream.js'
import { validateProto } from '../../steps/validate-proto.js'
import { executionContextKind as kind } from '../execution-context/kind.js'
import type { EventDependencies } from './dependencies.js'

/** Reads what happened to contexts, and where that is nothing waits for it. */
export const listEvents = ({ store, hub, audit }: EventDependencies) => Pipeline.from<Call<ListEventsRequest>>('listEvents')
  .step(authorize(audit, 'Events', { viewers: true, target: ({ id }: ListEventsRequest) => ({ contextId: id }) }))
  .step(validateProto(ListEventsRequestSchema))
  .step(openStream(store, hub, audit, kind))
  .step(awaitEvents)
