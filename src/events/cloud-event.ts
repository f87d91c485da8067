import type { ToldEvent } from './subscription.js'

const PREFIX = 'ai.stigmer.agentic.executioncontext.v1.'

/** What an event is called that the store has lost: whoever keeps what events told of reads it anew. */
export const LOST = 'lost'

/** The event in the structured form of CloudEvents 1.0, as JSON: by streams, pages and publishers alike. */
export function cloudEvent ({ position, time, event }: ToldEvent): string {
  const { type = LOST, ...data } = event ?? {}
  return JSON.stringify({
    specversion: '1.0',
    id: position,
    source: '/v1/execution-contexts',
    type: PREFIX + type,
    subject: event?.id,
    ...event && { time: new Date(time).toISOString(), datacontenttype: 'application/json', data }
  })
}
