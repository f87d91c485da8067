import { createServer, type Server, type ServerOptions } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { TlsOptions } from 'node:tls'

/** What one client, or all together, may take of the server. Times are in milliseconds. */
export interface Limits {
  /** From a connection's first byte of a request to the end of its headers; a TLS handshake has as long. */
  readonly headersTimeout: number
  /** To the end of its body. */
  readonly requestTimeout: number
  /** Between two requests on one connection: longer than the minute of most load balancers, so that they close first. */
  readonly keepAliveTimeout: number
  /** While nothing moves on a connection, such as to a client that does not read its answer. */
  readonly idleTimeout: number
  /** How often connections are looked at for the first two. */
  readonly checkEvery: number
  /** Of all clients; of one, a quarter. */
  readonly connections: number
  /** The event loop's mean delay over a second beyond which requests are refused. */
  readonly loopDelay: number
  /** For what runs to end once the server closes. */
  readonly closing: number
}

export const LIMITS: Limits = Object.freeze({
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 72_000,
  idleTimeout: 60_000,
  checkEvery: 2_000,
  connections: 10_000,
  loopDelay: 1_000,
  closing: 4_000
})

/** A server: plain, or with `tls` over TLS alone. It lets go of clients that are too slow. */
export function createListener (limits: Limits, tls?: TlsOptions): Server {
  const options: ServerOptions = {
    headersTimeout: limits.headersTimeout,
    requestTimeout: limits.requestTimeout,
    keepAliveTimeout: limits.keepAliveTimeout,
    connectionsCheckingInterval: limits.checkEvery,
    // Node would answer a request without Host itself, with no body.
    requireHostHeader: false
  }
  const server = tls === undefined
    ? createServer(options)
    // Without `allowHalfOpen` nothing could be sent once the client has sent all; plain HTTP has it by itself.
    : createTlsServer({ ...options, ...tls, allowHalfOpen: true, handshakeTimeout: limits.headersTimeout })
  return server.setTimeout(limits.idleTimeout)
}
