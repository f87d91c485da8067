import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

export interface Connection {
  /** Over TLS, when its handshake is done, what is in it. */
  socket: Socket
  readonly client: ClientPlaces
  /** What is not answered yet, in order. */
  readonly pending: ServerResponse[]
  /** Of one beyond the places, until it asks. */
  patience: NodeJS.Timeout | undefined
}

/** The connections of one client. */
export class ClientPlaces {
  /** Those that have something to answer or were never answered, in the order in which that began. */
  readonly #busy = new Set<Connection>()
  /** Those that are kept for another request, in the order of their last answer. */
  readonly #idle = new Set<Connection>()

  /** @param most how many places it may have */
  constructor (readonly most: number) {}

  get size (): number {
    return this.#busy.size + this.#idle.size
  }

  all (): Connection[] {
    return [...this.#busy, ...this.#idle]
  }

  add (connection: Connection): void {
    this.#busy.add(connection)
  }

  /** Answers whether it was there. */
  remove (connection: Connection): boolean {
    return this.#busy.delete(connection) || this.#idle.delete(connection)
  }

  /** `connection` asks for `response`. */
  begin (connection: Connection, response: ServerResponse): void {
    const { pending } = connection
    if (pending.length === 0 && this.remove(connection)) this.#busy.add(connection)
    pending.push(response)
    response.once('close', () => {
      pending.splice(pending.indexOf(response), 1)
      if (pending.length === 0 && this.#busy.delete(connection)) this.#idle.add(connection)
    })
  }

  /** The one, but for `except`, that waits for the client since longest; those without an answer first. */
  waiting (except?: Connection): Connection | undefined {
    for (const connection of this.#busy) if (connection !== except && isWaiting(connection)) return connection
    return this.#idle.values().next().value
  }
}

/** Whether it is the client's turn: to send a request or the rest of one, or to read an answer. */
const isWaiting = ({ pending: [response] }: Connection) => response === undefined || response.writableEnded || !response.req.complete
