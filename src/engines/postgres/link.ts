import { setTimeout as sleep } from 'node:timers/promises'
import pg, { type QueryConfig } from 'pg'
import { systemClock } from '../../clock.js'
import { closed } from '../../storage/refusals.js'
import { failure, isToBeRepeated, isTransient } from './failures.js'
import type { PostgresPlace } from './postgres-url.js'

const CONNECT_MS = 1_500
const QUERY_MS = 5_000
/** For how long what can be repeated is tried again, before whoever waits is told. */
const BUDGET_MS = 30_000
const PAUSE_MS = 100
// Plans are for tables whose statistics may be old: every statement here has an index that is right.
const SETTINGS = ['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'enable_bitmapscan'].map(name => `SET ${name} = off;`).join(' ')

/** A connection to the primary, which is made anew where it is lost. Statements on it run one after the other. Closed, it runs none. */
export class Link {
  readonly #place: PostgresPlace
  readonly #prepare: (client: pg.Client) => Promise<void>
  #client: Promise<pg.Client> | undefined
  /** When the statement before has ended, whatever came of it. */
  #turn: Promise<unknown> = Promise.resolve()
  #closed = false

  /** `prepare` is called on each new connection before anything else. */
  constructor (place: PostgresPlace, prepare: (client: pg.Client) => Promise<void> = async () => {}) {
    this.#place = place
    this.#prepare = prepare
  }

  /**
   * The rows of a statement that may be run twice: one that only reads, or knows by itself that it was run before. Where the
   * connection is lost, or the server is no primary any more, it is run again, for 30 seconds.
   * @throws `unavailable` with what to do, `internal`
   */
  run<Row extends object> (query: QueryConfig): Promise<Row[]> {
    const result = this.#turn.then(() => this.#run<Row>(query))
    this.#turn = result.catch(() => {})
    return result
  }

  async #run<Row extends object> (query: QueryConfig): Promise<Row[]> {
    const began = systemClock.monotonic()
    for (;;) {
      if (this.#closed) throw closed()
      try {
        const client = await this.#connected()
        return (await client.query<Row>(query)).rows
      } catch (error) {
        const isLost = isTransient(error)
        if (isLost) this.#drop()
        if (!isLost && !isToBeRepeated(error)) throw failure(error)
        if (systemClock.monotonic() - began > BUDGET_MS) throw failure(error)
        await sleep(isLost ? PAUSE_MS : 1)
      }
    }
  }

  /** Connects, so that what is wrong with the place is found out at once. @throws as `run` */
  async open (): Promise<void> {
    await this.#connected().catch(error => { throw failure(error) })
  }

  async close (): Promise<void> {
    this.#closed = true
    const client = await this.#client?.catch(() => undefined)
    await client?.end().catch(() => {})
  }

  #connected (): Promise<pg.Client> {
    this.#client ??= this.#connect().catch(error => {
      this.#client = undefined
      throw error
    })
    return this.#client
  }

  async #connect (): Promise<pg.Client> {
    const client = await connectToPrimary(this.#place)
    try {
      await client.query(`SET search_path TO "${this.#place.schema}"; ${SETTINGS}`)
      await this.#prepare(client)
    } catch (error) {
      client.end().catch(() => {})
      throw error
    }
    client.on('error', () => this.#drop())
    return client
  }

  #drop (): void {
    const lost = this.#client
    this.#client = undefined
    lost?.then(client => client.end(), () => {}).catch(() => {})
  }
}

interface Probed {
  readonly client: pg.Client
  /** Greater after each promotion; `undefined` on a standby. */
  readonly timeline: string | undefined
}

/** A connection to the host that is the primary: of several that say so, the one that was promoted last. */
export async function connectToPrimary ({ urls }: PostgresPlace): Promise<pg.Client> {
  const probes = await Promise.allSettled(urls.map(probe))
  const found = probes.flatMap(result => result.status === 'fulfilled' ? [result.value] : [])
  const primaries = found.filter(({ timeline }) => timeline !== undefined).sort((a, b) => a.timeline! < b.timeline! ? 1 : -1)
  const [primary] = primaries
  for (const { client } of found) if (client !== primary?.client) client.end().catch(() => {})
  if (primary !== undefined) return primary.client
  const refusal = probes.find(result => result.status === 'rejected')
  throw refusal === undefined ? Object.assign(new Error('no host is a primary'), { code: '25006' }) : refusal.reason
}

const TIMELINE = 'SELECT CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END AS timeline'

async function probe (connectionString: string): Promise<Probed> {
  const client = new pg.Client({
    connectionString, connectionTimeoutMillis: CONNECT_MS, query_timeout: QUERY_MS, keepAlive: true, application_name: 'ectx'
  })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ timeline: string | null }>(TIMELINE)
    return { client, timeline: rows[0]?.timeline ?? undefined }
  } catch (error) {
    client.end().catch(() => {})
    throw error
  }
}
