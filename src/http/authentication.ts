import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Caller } from '../auth/caller.js'
import { isLoopback } from '../auth/loopback.js'
import type { Origin } from '../steps/call.js'

/** What a request shows of its caller. */
export interface Credentials {
  readonly authorization?: string
  readonly requestId: string
  readonly remoteAddress: string
  isLocal (): boolean
}

/** Finds out who calls, at once where it can. Rejects credentials that are not valid, and has that recorded. */
export type Authenticate = (credentials: Credentials) => Caller | Promise<Caller>

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls a route that `authenticateRequests` looks after. */
    caller: Caller
  }
}

/** Finds out who calls the routes of `app`, before anything else of a request is read. */
export function authenticateRequests (app: FastifyInstance, authenticate: Authenticate): void {
  app.decorateRequest('caller', null as unknown as Caller)
  app.addHook('onRequest', (request, _, done) => {
    const accept = (caller: Caller) => {
      request.caller = caller
      done()
    }
    try {
      const found = authenticate({
        authorization: request.headers.authorization,
        requestId: request.id,
        remoteAddress: request.ip,
        isLocal: () => isLocal(request)
      })
      if (found instanceof Promise) found.then(accept, done)
      else accept(found)
    } catch (error) {
      done(error as Error)
    }
  })
}

/** Who made a request, and from where. */
export const originOf = ({ caller, id, ip }: Pick<FastifyRequest, 'caller' | 'id' | 'ip'>): Origin =>
  ({ caller, requestId: id, remoteAddress: ip })

/**
 * Whether a request was made on this machine and for this gateway. It was not where a proxy forwards it, nor where it
 * names another host: a web page of that host, whose name leads here for a moment, could else do what it likes.
 */
function isLocal ({ ip, hostname, headers }: FastifyRequest): boolean {
  const isForUs = hostname === '' || isLoopback(hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase())
  return isLoopback(ip) && isForUs && headers.forwarded === undefined && headers['x-forwarded-for'] === undefined
}
