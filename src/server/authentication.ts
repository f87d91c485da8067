import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Authenticate, Credentials } from '../auth/authenticator.js'
import type { Caller } from '../auth/caller.js'
import { GatewayError, type Code } from '../errors.js'
import type { Origin } from '../resource/call.js'
import { isFromThisMachine } from './this-machine.js'

/** The credentials of one call. */
export interface Shown extends Credentials {
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
 * Who calls and from where, at once where it can. What failed before counts for nothing: a credential that is valid always passes.
 * @throws {GatewayError} at once or by the promise: as `Authenticate` does, and `unauthenticated` where nothing is shown
 */
export function originOf ({ authenticate, failed }: Authentication, shown: Shown): Origin | Promise<Origin> {
  const accept = (caller: Caller): Origin => {
    if (caller.kind === 'anonymous') {
      throw new GatewayError(
        'unauthenticated',
        'credentials are needed: send "Authorization: Bearer <token>" with a static token, a JWT or the run token of the context'
      )
    }
    const { requestId, remoteAddress } = shown
    return { caller, requestId, remoteAddress }
  }
  const refuse = (error: unknown): never => {
    if (FAILURES.has(GatewayError.from(error).code)) failed(shown)
    throw error
  }
  try {
    const found = authenticate(shown)
    return found instanceof Promise ? found.then(accept).catch(refuse) : accept(found)
  } catch (error) {
    return refuse(error)
  }
}

/** Finds out who calls the routes of `app`, before anything else of a request is read, and refuses whoever shows nothing. */
export function authenticateRequests (app: FastifyInstance, authentication: Authentication): void {
  app.decorateRequest('origin')
  app.addHook('onRequest', (request, _, done) => {
    let origin
    try {
      origin = originOf(authentication, credentialsOf(request))
    } catch (error) {
      return done(error as Error)
    }
    const accept = (found: Origin) => {
      request.origin = found
      done()
    }
    if (origin instanceof Promise) origin.then(accept, done)
    else accept(origin)
  })
}

/** What a request shows of who makes it. */
export const credentialsOf = (request: FastifyRequest): Shown => ({
  authorization: request.headers.authorization,
  requestId: request.id,
  remoteAddress: request.ip || undefined,
  isLocal: () => isFromThisMachine(request.raw)
})

/** Asks, each time, whether who showed that would still be let in, as the same caller. @throws as `Authenticate` */
export const mayStillCall = ({ authenticate }: Authentication, shown: Shown, caller: Caller): () => Promise<boolean> =>
  async () => isSame(await authenticate(shown), caller)

const isSame = (now: Caller, then: Caller) =>
  now.kind === then.kind && now.name === then.name && now.role === then.role && now.contextId === then.contextId
