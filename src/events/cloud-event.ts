import type { ToldEvent } from './subscription.js'

const SOURCE = '/v1/execution-contexts'
const TYPE = 'ai.stigmer.agentic.executioncontext.v1'

/** The event as CloudEvents 1.0 has it, in the structured form. One that the store has lost says so, and no more. */
export function cloudEvent ({ position, time, event }: ToldEvent): object {
  const { type = 'lost', ...data } = event ?? {}
  return {
    specversion: '1.0',
    id: position,
    source: SOURCE,
    type: `${TYPE}.${type}`,
    ...event && { subject: event.id },
    time: new Date(time).toISOString(),
    ...event && { datacontenttype: 'application/json', data }
  }
}
