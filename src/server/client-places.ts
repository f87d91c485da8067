import type { Socket } from 'node:net'

/** Something that a connection was asked for. */
export interface Pending {
  /** Tells when it is answered, or cannot be any more. */
  once (event: 'close', listener: () => void): unknown
}

/** Whether it is the client's turn: to send the rest of what it asks, or to read the answer. */
type IsWaiting = () => boolean

export interface Connection {
  /** Over TLS, when its handshake is done, what is in it. */
  socket: Socket
  readonly client: ClientPlaces
  /** Of each thing that is not answered yet. */
  readonly pending: Set<IsWaiting>
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

  /** `connection` was asked for `asked`. */
  begin (connection: Connection, asked: Pending, isWaiting: IsWaiting): void {
    const { pending } = connection
    if (pending.size === 0 && this.remove(connection)) this.#busy.add(connection)
    pending.add(isWaiting)
    asked.once('close', () => {
      pending.delete(isWaiting)
      if (pending.size === 0 && this.#busy.delete(connection)) this.#idle.add(connection)
    })
  }

  /** The one, but for `except`, that waits for the client since longest; those without an answer first. */
  waiting (except?: Connection): Connection | undefined {
    for (const connection of this.#busy) if (connection !== except && isWaiting(connection)) return connection
    return this.#idle.values().next().value
  }
}

const isWaiting = ({ pending }: Connection) => [...pending].every(waits => waits())
