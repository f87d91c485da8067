import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import type { QueryConfig } from 'pg'
import { systemClock } from '../../clock.js'
import type { GatewayError } from '../../errors.js'
import { closed } from '../../storage/refusals.js'
import { BARRIER } from './barrier.js'
import { failure, isToBeRepeated, isTransient, TakesTooLong } from './failures.js'
import type { Primary } from './primary.js'
import { Trouble } from './trouble.js'

const PAUSE_MS = 100
const LEAVE_MS = 500
// Plans are for tables whose statistics may be old: every statement here has an index that is right.
// To compile one would take a fifth of a second, and until PostgreSQL 18 what is off counts as so dear that it is done.
const OFF = ['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'enable_bitmapscan', 'jit']
const SETTINGS = OFF.map(name => `SET ${name} = off;`).join(' ')

// Whatever role and server are set to: what is acknowledged is durable.
const DURABLE = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')"

interface Options {
  /** Is called on each new connection before anything else. */
  readonly prepare?: (client: pg.Client) => Promise<void>
  /**
   * Whether what a statement did, or found done, is to be on the synchronous standby before it is answered. Otherwise nothing waits for
   * that one: so what only tidies up holds up no read.
   */
  readonly writes?: boolean
}

/**
 * A connection to the primary, which is made anew where it is lost. Statements are sent at once, and run one after the other. Closed, it
 * runs none.
 */
export class Link {
  readonly #primary: Primary
  readonly #options: Options
  readonly #trouble = new Trouble()
  #client: Promise<pg.Client> | undefined
  /** What was sent and is not answered yet. */
  readonly #asked = new Set<{ isAlone: boolean }>()
  /** The sessions that were given up, by the process of the server that may be at work for each yet. */
  readonly #left = new Set<number>()
  #closed = false

  constructor (primary: Primary, options: Options = {}) {
    this.#primary = primary
    this.#options = options
  }

  /**
   * The rows of a statement that may be run twice: one that only reads, or knows by itself that it was run before. Where the
   * connection is lost, or the server is no primary any more, it is run again, for 30 seconds of the trouble. Where it is one that
   * `writes`, what it did, or found done, is on the synchronous standby too.
   * @throws `unavailable` with what to do, `internal`
   */
  async run<Row extends object> (query: QueryConfig): Promise<Row[]> {
    const began = systemClock.monotonic()
    let isAgain = false
    for (;;) {
      if (this.#closed) throw closed()
      try {
        const client = await this.#connected()
        const rows = await this.#answer<Row>(client, query, began)
        // A commit whose answer was lost may be on the primary alone: a server that ends a session lets its commit wait no longer.
        if (isAgain && this.#options.writes === true) await this.#answer(client, BARRIER, began)
        this.#trouble.end()
        return rows
      } catch (error) {
        const isLost = isTransient(error)
        isAgain ||= isLost
        if ((!isLost && !isToBeRepeated(error)) || this.#trouble.isTooLong(began)) throw this.#told(error)
        await sleep(isLost ? PAUSE_MS : 1)
      }
    }
  }

  /** What to throw for an error, whose reason the log has from here. */
  #told (error: unknown): GatewayError {
    const told = failure(error)
    if (told.code === 'unavailable') this.#primary.tell(told.message, error)
    return told
  }

  /** Connects, so that what is wrong with the place is found out at once. @throws as `run` */
  async open (): Promise<void> {
    await this.#connected().catch(error => { throw failure(error) })
  }

  async close (): Promise<void> {
    this.#closed = true
    const client = await this.#client?.catch(() => undefined)
    if (client === undefined) return
    await Promise.race([client.end().catch(() => {}), sleep(LEAVE_MS)])
    this.#primary.leave(client)
  }

  #answer<Row extends object> (client: pg.Client, query: QueryConfig, began: number): Promise<Row[]> {
    return this.#primary.watched(client, async () => {
      const asked = { isAlone: false }
      this.#asked.add(asked)
      const { rows } = await client.query<Row>(query).finally(() => this.#asked.delete(asked))
      if (asked.isAlone) throw new TakesTooLong('the commit was told not to wait for its standby')
      return rows
    }, () => !this.#trouble.mayWait(began))
  }

  #connected (): Promise<pg.Client> {
    if (this.#client !== undefined) return this.#client
    const forget = () => { if (this.#client === connecting) this.#client = undefined }
    const connecting = this.#connect(forget).catch(error => {
      forget()
      throw error
    })
    this.#client = connecting
    return connecting
  }

  async #connect (forget: () => void): Promise<pg.Client> {
    const client = await this.#primary.connect()
    client.on('end', forget)
    // By what the server calls itself: its words are in its own language. Which of several it is about it does not say.
    client.on('notice', ({ routine }) => {
      if (routine === 'SyncRepWaitForLSN') for (const asked of this.#asked) asked.isAlone = true
    })
    try {
      await this.#primary.watched(client, async () => {
        await client.query(`SET search_path TO "${this.#primary.schema}"; ${SETTINGS}`)
        if (this.#options.writes === true) {
          await client.query(DURABLE)
          await this.#assertNoneWaits(client)
        } else {
          await client.query('SET synchronous_commit = local')
        }
        await this.#options.prepare?.(client)
      })
      return client
    } catch (error) {
      this.#primary.leave(client)
      throw error
    }
  }

  /** Commits that wait for a lost standby hold their sessions until it is back: one of a link at a time, or there would be ever more. */
  async #assertNoneWaits (client: pg.Client): Promise<void> {
    const { rows: [found] } = await client.query<{ own: number, waiting: number[] }>({
      text: `SELECT pg_backend_pid() AS own, ARRAY(SELECT pid FROM pg_stat_activity
        WHERE pid = ANY ($1) AND application_name = 'ectx' AND wait_event = 'SyncRep') AS waiting`,
      values: [[...this.#left]]
    })
    this.#left.clear()
    for (const pid of found!.waiting) this.#left.add(pid)
    if (this.#left.size > 0) throw new TakesTooLong('the commit before still waits for its standby')
    this.#left.add(found!.own)
  }
}
