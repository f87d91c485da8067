import { placesIn } from '../../src/config/places.js'
import { open, type Opened } from './opened.js'

/** What a data directory must answer, or else an error. */
export interface Dataset {
  readonly dataDir: string
  /** What a reveal of each context answers that is there, by its id. */
  readonly there: ReadonlyMap<string, string>
  /** The ids of those that were deleted. */
  readonly gone: readonly string[]
  /** Each line of the audit log: its number, and what it tells. */
  readonly events: ReadonlyMap<number, string>
}

const LIVE = 60
const DELETED = 30
const CONTEXTS = '/v1/execution-contexts'

/** Fills a new data directory with contexts, some with leases, some deleted, in tables and in a log that is not a table yet. */
export async function makeDataset (dataDir: string): Promise<Dataset> {
  const there = new Map<string, string>()
  const gone: string[] = []
  let gateway = await open(dataDir)
  for (let index = 0; index < LIVE + DELETED; index++) {
    // Opened again the database makes a table of its log.
    if (index % 25 === 24) gateway = await reopened(gateway, dataDir)
    const lease = index % 4 === 0 ? { lease: '3600s' } : {}
    const body = { metadata: { name: `c-${index}`, labels: { team: `t${index % 3}` } }, spec: { execution_id: `wfx-${index % 7}`, ...lease, data: dataOf(index) } }
    const created = await gateway.ask('POST', CONTEXTS, body, index % 5 === 0 ? { 'idempotency-key': `k${index}` } : {})
    const { metadata: { id } } = created.json()
    if (index % 3 === 2) {
      await gateway.ask('DELETE', `${CONTEXTS}/${id}`)
      gone.push(id)
    } else {
      if (index % 8 === 0) await gateway.ask('POST', `${CONTEXTS}/${id}/heartbeat`)
      there.set(id, (await gateway.ask('GET', `${CONTEXTS}/${id}`)).payload)
    }
  }
  const events = new Map<number, string>()
  for (let token: string | undefined; ;) {
    const page = (await gateway.ask('GET', `/v1/audit-events?page_size=500${token === undefined ? '' : `&page_token=${token}`}`)).json()
    for (const { sequence, ...event } of page.events) events.set(sequence, JSON.stringify(event))
    if ((token = page.next_page_token) === undefined) break
  }
  await gateway.close()
  return { dataDir, there, gone, events }
}

/** The files that hold what was written. */
export const filesOf = (dataDir: string): string[] => {
  const { database, audit, keyRing, trees } = placesIn(dataDir)
  return [database, audit, keyRing, trees]
}

async function reopened (gateway: Opened, dataDir: string): Promise<Opened> {
  await gateway.close()
  return open(dataDir)
}

const dataOf = (index: number) => ({
  REGION: { value: `region ${index}` },
  TOKEN: { value: `s3cr3t ${index} `.repeat(1 + index % 20), is_secret: true }
})
