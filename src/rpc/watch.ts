import type { MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { GatewayError } from '../errors.js'
import { LOST } from '../events/cloud-event.js'
import type { EventStream } from '../events/event-stream.js'
import type { ToldEvent } from '../events/subscription.js'
import { Events, type EventSchema } from '../gen/ectx/v1/events_pb.js'
import type { Operations } from '../kinds/operations.js'
import type { Origin } from '../resource/call.js'
import type { OpenStream, OpenStreams } from '../server/open-streams.js'

export const WATCH = Events.method.watch

const NO_LONGER = new GatewayError('unauthenticated', 'the credentials are not valid any more; call again with others')
const AGAIN = new GatewayError('unavailable', 'the stream ends here; call again, after the last position', { retryAfterSeconds: 1 })

export interface Watching {
  readonly origin: Origin
  readonly streams: OpenStreams
  /** Whether who calls would still be let in. */
  mayStillCall (): Promise<boolean>
  /** Aborted when nobody wants it any more. */
  readonly signal: AbortSignal
}

/** The events that are asked for, until what they are of is gone. @throws as the operation, and where the caller is to call again */
export async function * watchEvents (
  { events }: Operations, input: Parameters<Operations['events']['watch']>[0]['input'], watching: Watching
): AsyncGenerator<MessageInitShape<typeof EventSchema>> {
  const { origin, streams, signal } = watching
  const stream = await events.watch({ origin, input }, signal)
  const { subscription } = stream
  const open = new RpcEventStream(stream, watching)
  const close = () => subscription.close()
  signal.addEventListener('abort', close)
  streams.add(open)
  try {
    while (!signal.aborted) {
      const told = await subscription.next()
      if (told.length === 0) break
      yield * told.map(eventMessage)
    }
  } finally {
    signal.removeEventListener('abort', close)
    streams.remove(open)
    close()
  }
  if (open.failure !== undefined) throw open.failure
}

class RpcEventStream implements OpenStream {
  readonly #stream: EventStream
  readonly #watching: Watching
  #isGone = false
  #isRefused = false
  /** Why it has ended, where that is not because what it followed is gone. */
  failure: GatewayError | undefined

  constructor (stream: EventStream, watching: Watching) {
    this.#stream = stream
    this.#watching = watching
  }

  async mayGoOn (): Promise<boolean> {
    this.#isRefused = !await this.#watching.mayStillCall()
    if (this.#isRefused) return false
    this.#isGone = !await this.#stream.isThere()
    return !this.#isGone
  }

  /** Who does not read is let go by the transport. */
  look (): void {}

  end (): void {
    if (!this.#isGone) this.failure = this.#isRefused ? NO_LONGER : AGAIN
    this.#stream.subscription.close()
  }
}

export const eventMessage = ({ position, time, event }: ToldEvent): MessageInitShape<typeof EventSchema> => ({
  position,
  type: event?.type ?? LOST,
  ...event && {
    time: timestampFromMs(time),
    kind: event.kind,
    id: event.id,
    slug: event.slug ?? '',
    scope: event.scope ?? '',
    executionId: event.execution_id ?? '',
    caller: event.caller,
    requestId: event.request_id ?? '',
    version: event.version && { ...event.version, previousVersionId: event.version.previous_version_id ?? '' },
    keys: [...event.keys ?? []],
    keysLeftOut: BigInt(event.keys_left_out ?? 0)
  }
})
