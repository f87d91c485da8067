import type { EventPage, EventStream } from '../../events/event-stream.js'
import type { ListEventsRequest, WatchEventsRequest } from '../../gen/ectx/v1/events_pb.js'
import type { Observer } from '../../pipeline/pipeline.js'
import type { Call } from '../../resource/call.js'
import { operation, type Operation } from '../../resource/operation.js'
import type { EventDependencies } from './dependencies.js'
import { listEvents } from './list.js'
import { watch } from './watch.js'

/** All that can be done with the events of resources. */
export interface EventOperations {
  /** Who asks for it ends it. */
  readonly watch: Operation<Call<WatchEventsRequest>, EventStream>
  readonly list: Operation<Call<ListEventsRequest>, EventPage>
}

/** The operations, each run watched by `observer`. */
export const eventOperations = (dependencies: EventDependencies, observer: Observer): EventOperations => ({
  watch: operation(watch(dependencies), 'stream', observer),
  list: operation(listEvents(dependencies), 'page', observer)
})
