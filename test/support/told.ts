import type { createClient } from './http.js'

/** What the audit log tells of the life of each context, sorted: clocks may differ by a moment. */
export async function toldOf (client: ReturnType<typeof createClient>): Promise<Map<string, string[]>> {
  const told = new Map<string, string[]>()
  for (let pageToken = ''; ;) {
    const { events, next_page_token: next } = JSON.parse((await client.get(`/v1/audit-events?page_size=1000${pageToken}`)).text)
    for (const { event, context_id: id } of events) if (/created|deleted|expired/.test(event)) told.set(id, [...told.get(id) ?? [], event])
    if (next === undefined) return new Map([...told].map(([id, events]) => [id, events.sort()]))
    pageToken = `&page_token=${next}`
  }
}
