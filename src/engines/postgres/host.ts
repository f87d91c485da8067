import pg from 'pg'

/** How long a host may take to let somebody in, or to say what it is. */
const ANSWER_MS = 1_500
// Greater after each promotion, also as text. Anybody may ask.
const TIMELINE = 'SELECT CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END AS timeline'

/** One of the servers that may be the primary, and a connection to it by which it is asked whether it is. */
export class Host {
  /** Without user and password. */
  readonly name: string
  readonly #url: string
  #client: pg.Client | undefined
  #asking: Promise<string | undefined> | undefined

  constructor (url: string) {
    this.#url = url
    this.name = new URL(url).host
  }

  /** A new connection, for statements. */
  connect (): Promise<pg.Client> {
    return connect(this.#url)
  }

  /** Its timeline, where it is a primary; `undefined` of a standby. Rejects where it does not answer soon. */
  timeline (): Promise<string | undefined> {
    this.#asking ??= this.#ask().finally(() => { this.#asking = undefined })
    return this.#asking
  }

  close (): void {
    if (this.#client !== undefined) cut(this.#client)
    this.#client = undefined
  }

  async #ask (): Promise<string | undefined> {
    try {
      if (this.#client === undefined) {
        const client = this.#client = await connect(this.#url)
        client.on('end', () => { if (this.#client === client) this.#client = undefined })
      }
      return await soon(this.#client, timelineOf(this.#client))
    } catch (error) {
      this.close()
      throw error
    }
  }
}

/** What the server of `client` says of itself, as `Host.timeline` has it. */
export async function timelineOf (client: pg.Client): Promise<string | undefined> {
  const { rows: [row] } = await client.query<{ timeline: string | null }>(TIMELINE)
  return row?.timeline ?? undefined
}

/** What is asked on a connection, which is cut where the answer does not come soon. */
export async function soon<T> (client: pg.Client, answer: Promise<T>): Promise<T> {
  const timer = setTimeout(() => cut(client), ANSWER_MS)
  try {
    return await answer
  } finally {
    clearTimeout(timer)
  }
}

/** Ends a connection at once, whatever is asked on it: to a server that is frozen there is no other way. */
export function cut (client: pg.Client): void {
  client.connection.stream.destroy()
}

async function connect (connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString, connectionTimeoutMillis: ANSWER_MS, keepAlive: true, application_name: 'ectx', pipeline: true
  })
  // Whoever waits for an answer is told; a connection that is lost between two statements is none of anybody's errors.
  client.on('error', () => {})
  try {
    await client.connect()
    return client
  } catch (error) {
    cut(client)
    throw error
  }
}
