import type { createClient } from '../support/http.js'

/** What the audit log tells of the life of each context, in the order of time. */
export async function toldOf (client: ReturnType<typeof createClient>): Promise<Map<string, string[]>> {
  const told = new Map<string, string[]>()
  for (let pageToken = ''; ;) {
    const { events, next_page_token: next } = JSON.parse((await client.get(`/v1/audit-events?page_size=1000${pageToken}`)).text)
    for (const { event, context_id: id } of events) if (/created|deleted/.test(event)) told.set(id, [...told.get(id) ?? [], event])
    if (next === undefined) return told
    pageToken = `&page_token=${next}`
  }
}
