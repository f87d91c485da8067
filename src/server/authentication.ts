import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Authenticate, Credentials } from '../auth/authenticator.js'
import type { Caller } from '../auth/caller.js'
import { GatewayError, type Code } from '../errors.js'
import type { Origin } from '../resource/call.js'
import { isFromThisMachine } from './this-machine.js'

/** The credentials of one request. */
interface Shown extends Credentials {
  readonly requestId: string
}

export interface Authentication {
  /** Finds out who calls, at once where it can. Rejects credentials that are not valid. */
  authenticate: Authenticate
  /** Is told of each request that could not say who calls. */
  failed (shown: Shown): void
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls a route that `authenticateRequests` looks after, and from where. */
    origin: Origin
  }
}

const FAILURES: ReadonlySet<Code> = new Set<Code>(['unauthenticated', 'resource_exhausted'])

/**
 * Finds out who calls the routes of `app`, before anything else of a request is read, and refuses whoever shows nothing.
 * What failed before counts for nothing: a credential that is valid always passes.
 */
export function authenticateRequests (app: FastifyInstance, { authenticate, failed }: Authentication): void {
  const accept = (request: FastifyRequest, { requestId, remoteAddress }: Shown, caller: Caller) => {
    if (caller.kind === 'anonymous') {
      throw new GatewayError(
        'unauthenticated',
        'credentials are needed: send "Authorization: Bearer <token>" with a static token, a JWT or the run token of the context'
      )
    }
    request.origin = { caller, requestId, remoteAddress }
  }
  const identify = (request: FastifyRequest, credentials: Shown): void | Promise<void> => {
    const found = authenticate(credentials)
    if (!(found instanceof Promise)) return accept(request, credentials, found)
    return found.then(caller => accept(request, credentials, caller))
  }

  app.decorateRequest('origin')
  app.addHook('onRequest', (request, _, done) => {
    const credentials = credentialsOf(request)
    const refuse = (error: Error) => {
      if (FAILURES.has(GatewayError.from(error).code)) failed(credentials)
      done(error)
    }
    let identified
    try {
      identified = identify(request, credentials)
    } catch (error) {
      return refuse(error as Error)
    }
    if (identified === undefined) done()
    else identified.then(() => done(), refuse)
  })
}

const credentialsOf = (request: FastifyRequest): Shown => ({
  authorization: request.headers.authorization,
  requestId: request.id,
  remoteAddress: request.ip || undefined,
  isLocal: () => isFromThisMachine(request.raw)
})
