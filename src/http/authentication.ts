import { isIP } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Caller } from '../auth/caller.js'
import { isLoopback } from '../auth/loopback.js'
import { GatewayError } from '../errors.js'
import type { Origin } from '../resource/call.js'
import { FailedAuthentications } from './failed-authentications.js'

/** What a request shows of its caller. */
export interface Credentials {
  readonly authorization?: string
  readonly requestId: string
  readonly remoteAddress?: string
  isLocal (): boolean
}

export interface Authentication {
  /** Finds out who calls, at once where it can. Rejects credentials that are not valid. */
  authenticate (credentials: Credentials): Caller | Promise<Caller>
  /** Is told of credentials that were not valid, unless they came too often. */
  failed (credentials: Credentials): void
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls a route that `authenticateRequests` looks after, and from where. */
    origin: Origin
  }
}

/**
 * Finds out who calls the routes of `app`, before anything else of a request is read. An address that fails too often
 * is not heard for a while; that it showed no credentials at all is not held against those who show some.
 */
export function authenticateRequests (app: FastifyInstance, { authenticate, failed }: Authentication): void {
  const wrong = new FailedAuthentications()
  const missing = new FailedAuthentications()

  const accept = (request: FastifyRequest, { requestId, remoteAddress }: Credentials, caller: Caller) => {
    if (caller.kind === 'anonymous') missing.count(request.ip)
    request.origin = { caller, requestId, remoteAddress }
  }
  const refuse = ({ ip }: FastifyRequest, credentials: Credentials, error: unknown): never => {
    if (GatewayError.from(error).code === 'unauthenticated') {
      (credentials.authorization === undefined ? missing : wrong).count(ip)
      failed(credentials)
    }
    throw error
  }
  const identify = (request: FastifyRequest): void | Promise<void> => {
    const credentials = credentialsOf(request)
    let found: Caller | Promise<Caller>
    try {
      if (credentials.authorization !== undefined) wrong.check(request.ip)
      found = authenticate(credentials)
    } catch (error) {
      return refuse(request, credentials, error)
    }
    if (!(found instanceof Promise)) return accept(request, credentials, found)
    return found.then(caller => accept(request, credentials, caller), error => refuse(request, credentials, error))
  }

  app.decorateRequest('origin')
  app.addHook('onRequest', (request, _, done) => {
    let identified
    try {
      identified = identify(request)
    } catch (error) {
      return done(error as Error)
    }
    if (identified === undefined) done()
    else identified.then(() => done(), done)
  })
}

function credentialsOf (request: FastifyRequest): Credentials {
  const { ip } = request
  return {
    authorization: request.headers.authorization,
    requestId: request.id,
    // A trusted proxy may hand on any text as an address.
    remoteAddress: isIP(ip) === 0 ? undefined : ip,
    isLocal: () => isLocal(request)
  }
}

/**
 * Whether a request was made on this machine and for this gateway. It was not where a proxy forwards it, nor where it
 * names another host: a web page of that host, whose name leads here for a moment, could else do what it likes.
 */
function isLocal ({ socket, hostname, headers }: FastifyRequest): boolean {
  const isForUs = hostname === '' || isLoopback(hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase())
  return isLoopback(socket.remoteAddress ?? '') && isForUs && headers.forwarded === undefined && headers['x-forwarded-for'] === undefined
}
