import { WatchEventsRequestSchema, type WatchEventsRequest } from '../../gen/ectx/v1/events_pb.js'
import { Pipeline } from '../../pipeline/pipeline.js'
import type { Call } from '../../resource/call.js'
import { authorize } from '../../steps/authorize.js'
import { openStream } from '../../steps/open-stream.js'
import { validateProto } from '../../steps/validate-proto.js'
import { executionContextKind as kind } from '../execution-context/kind.js'
import type { EventDependencies } from './dependencies.js'

/** Follows what happens to contexts. */
export const watch = ({ store, hub, audit }: EventDependencies) => Pipeline.from<Call<WatchEventsRequest>>('watch')
  .step(authorize(audit, 'Events', { viewers: true, target: ({ id }: WatchEventsRequest) => ({ contextId: id }) }))
  .step(validateProto(WatchEventsRequestSchema))
  .step(openStream(store, hub, audit, kind))
