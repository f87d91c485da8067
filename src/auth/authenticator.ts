import { GatewayError } from '../errors.js'
import { ANONYMOUS, SYSTEM, type Caller } from './caller.js'
import type { JwtVerifier } from './jwt.js'
import { parseRunToken, sameHash } from './run-token.js'
import type { StaticTokens } from './static-tokens.js'

const BEARER = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i

export interface AuthenticatorOptions {
  readonly tokens?: Pick<StaticTokens, 'find'>
  readonly jwt?: Pick<JwtVerifier, 'verify'>
  /** What a live context keeps of its run token, where it has one. */
  readonly runTokenOf: (contextId: string) => Promise<{ hash: Uint8Array, slug: string } | undefined>
  /** Whether callers of this machine need no credentials; only for a gateway that has none configured. */
  readonly allowSystem: boolean
}

/** What a call shows of who makes it. */
export interface Credentials {
  /** The `Authorization` header. */
  readonly authorization?: string
  /** The bare address that the call comes from. */
  readonly remoteAddress?: string
  /** Whether the transport is sure that the call comes from this machine, and that it was meant for this gateway. */
  isLocal (): boolean
}

/**
 * Finds out who calls, without a promise where it can. Nothing shown is `anonymous`, or `system` where that is allowed.
 * @throws {GatewayError} at once or by the promise: `unauthenticated`, of all that is a bearer token in the same words whatever
 *   was wrong; `unavailable` where that cannot be found out now; `resource_exhausted` where that address shows too many at once
 */
export type Authenticate = (credentials: Credentials) => Caller | Promise<Caller>

export function createAuthenticator ({ tokens, jwt, runTokenOf, allowSystem }: AuthenticatorOptions): Authenticate {
  async function byRunToken ({ contextId, hash }: { contextId: string, hash: Uint8Array }): Promise<Caller> {
    const kept = await runTokenOf(contextId)
    if (kept === undefined || !sameHash(kept.hash, hash)) throw refusal()
    return { kind: 'run', name: `run:${contextId}`, contextId, slug: kept.slug }
  }

  async function byJwt (verifier: Pick<JwtVerifier, 'verify'>, token: string, remoteAddress?: string): Promise<Caller> {
    const caller = await verifier.verify(token, remoteAddress)
    if (caller === undefined) throw refusal()
    return caller
  }

  return credentials => {
    const { authorization, remoteAddress } = credentials
    if (authorization === undefined) {
      if (!allowSystem) return ANONYMOUS
      if (credentials.isLocal()) return SYSTEM
      throw new GatewayError(
        'unauthenticated',
        'without credentials the gateway serves this machine only: call it as 127.0.0.1 or localhost, not through a proxy and not from a page of another origin, or configure credentials'
      )
    }
    const token = bearerToken(authorization)
    if (token === undefined) throw malformed()
    const run = parseRunToken(token)
    if (run !== undefined) return byRunToken(run)
    const caller = tokens?.find(token)
    if (caller !== undefined) return caller
    // None of ours has a dot.
    if (jwt !== undefined && token.includes('.')) return byJwt(jwt, token, remoteAddress)
    throw refusal()
  }
}

/** The token in an `Authorization` header of RFC 6750. How long it may be is the transport's to say. */
export const bearerToken = (authorization: string): string | undefined => BEARER.exec(authorization)?.[1]

const malformed = () =>
  new GatewayError(
    'unauthenticated',
    'the Authorization header is not of the form "Bearer <token>"; send it so, with a token that is in force'
  )
const refusal = () =>
  new GatewayError('unauthenticated', 'the credentials are not valid; send "Authorization: Bearer <token>" with a token that is in force')
