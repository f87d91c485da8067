import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { GatewayError } from '../errors.js'
import type { OpenStreams } from './open-streams.js'

/** A failure as a transport tells it. */
export interface Refusal {
  readonly status: number
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What a request is for. */
export interface Target {
  /** Without a query, which may hold anything. */
  readonly path: string
  readonly contentType?: string | undefined
}

/** How routes are guarded. */
export interface Edge {
  /** Routes of `app` from here on are for callers: it finds out who calls, and limits how often and how much. */
  protect (app: FastifyInstance): void
  /** For a route that needs no credentials: rejects who asks too often. */
  limitAnonymous (request: FastifyRequest): Promise<void>
  /** Asks, each time, whether who calls by `request` would still be let in, as the same caller. */
  mayStillCall (request: FastifyRequest): () => Promise<boolean>
  readonly streams: OpenStreams
  /** Is told of a failure that a transport answers itself: for the line of the request, and the log where it is the gateway's own. */
  failed (request: FastifyRequest, failure: GatewayError): void
}

/** A protocol over HTTP: its routes, and the form of all that is no success. */
export interface Transport {
  /** Whether what is asked for at `path` is asked for by it. */
  owns (path: string): boolean
  /** How it tells `failure`, of a request for `target`; nothing else that was sent is repeated. */
  refuse (failure: GatewayError, requestId: string, target: Target): Refusal
  /** Adds its routes, and what answers where there is none. */
  register (app: FastifyInstance, edge: Edge): Promise<void>
}

/** The headers that go with a failure, whatever its form. */
export function headersOf ({ code, retryAfterSeconds = code === 'unavailable' ? 1 : undefined }: GatewayError): Record<string, string> {
  return {
    'cache-control': 'no-store',
    ...(code === 'unauthenticated' && { 'www-authenticate': 'Bearer realm="ectx"' }),
    ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) })
  }
}

/** A URL's path: a query may hold anything. */
export const pathOf = (url: string) => url.split('?', 1)[0]!
