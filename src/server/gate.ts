import type { IncomingMessage } from 'node:http'
import type { Caller } from '../auth/caller.js'
import type { GatewayError } from '../errors.js'
import type { Origin } from '../resource/call.js'
import type { Shown } from './authentication.js'
import type { Budget } from './budget.js'
import type { ConnectionPlaces } from './connection-places.js'
import type { Limits } from './listener.js'
import type { OpenStreams } from './open-streams.js'

/** What stands before every call, whatever it comes by: for those that come by a listener of their own, and not by the routes of HTTP. */
export interface Gate {
  readonly limits: Limits
  readonly places: ConnectionPlaces
  /** What waits to be sent. */
  readonly backlog: Budget
  /** The bare address of the client. */
  addressOf (asked: { readonly socket: { readonly remoteAddress?: string }, readonly headers: IncomingMessage['headers'] }): string
  /** Why nothing more is taken on now; `undefined` where it is. */
  overload (): GatewayError | undefined
  /** Who calls, and from where. Rejects as `unauthenticated` who cannot say. */
  originOf (shown: Shown): Origin | Promise<Origin>
  /** Asks, each time, whether who showed that would still be let in. */
  mayStillCall (shown: Shown, caller: Caller): () => Promise<boolean>
  readonly streams: OpenStreams
  /** Rejects who calls too often. */
  limitCaller (caller: Caller): Promise<void> | undefined
  /** Rejects who calls too often without credentials. */
  limitAnonymous (address: string): Promise<void>
}
