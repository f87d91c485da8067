import type { Duration } from '@bufbuild/protobuf/wkt'
import type { EventPage, EventStream } from '../events/event-stream.js'
import { step } from '../pipeline/pipeline.js'
import { durationMs } from '../resource/duration.js'

interface Needs {
  readonly stream: EventStream
  readonly input: { readonly wait?: Duration | undefined }
}

/** Takes what there is of a stream, and where there is nothing what comes for as long as the input says; the stream is over then. */
export const awaitEvents = step('AwaitEvents', async ({ stream: { subscription }, input }: Needs): Promise<{ page: EventPage }> => {
  const waitMs = input.wait === undefined ? 0 : durationMs(input.wait)
  const timer = waitMs > 0 ? setTimeout(() => subscription.close(), waitMs) : undefined
  try {
    const events = await (waitMs > 0 ? subscription.next() : subscription.now())
    return { page: { events, next: subscription.position } }
  } finally {
    clearTimeout(timer)
    subscription.close()
  }
})
