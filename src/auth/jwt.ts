import { errors, jwtVerify } from 'jose'
import { GatewayError } from '../errors.js'
import type { Caller } from './caller.js'
import { fileKeys, remoteKeys, type KeySource } from './jwks.js'
import { roleByClaim, type RoleValues } from './role-claim.js'

// Signatures by a key pair only: where a shared secret (HS…) or "none" counts, whoever knows the public key can sign.
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']
const MAX_NAME = 255

export interface JwtOptions {
  readonly issuer: string
  readonly audience: string | readonly string[]
  /** Where the issuer's public keys are: an https URL (http for loopback only), or a file. */
  readonly jwks: string
  /** The claim that gives the role; see `roleByClaim`. */
  readonly roleClaim: string
  readonly roles: RoleValues
  /** How far clocks may be apart; 60 where it is not said. */
  readonly clockToleranceSeconds?: number
  /** An unknown key id makes the keys be fetched again, but not sooner than this after the last time; 30 s where it is not said. */
  readonly cooldownMs?: number
  /** In place of the global one. */
  readonly fetch?: typeof fetch
  /** Told why a changed file of keys was not taken. */
  readonly onProblem?: (message: string) => void
  /** Told why a token was refused, in words of ours: no part of the token. */
  readonly onRefused?: (reason: string) => void
  /** How long a look at a file of keys holds. */
  readonly checkEveryMs?: number
}

/** Knows the callers that a JWT of one issuer names. */
export class JwtVerifier {
  readonly #options: JwtOptions
  readonly #keys: KeySource
  readonly #roleOf: ReturnType<typeof roleByClaim>

  private constructor (options: JwtOptions, keys: KeySource) {
    this.#options = options
    this.#keys = keys
    this.#roleOf = roleByClaim(options.roleClaim, options.roles)
  }

  /**
   * Keys of a URL are fetched when the first token comes, so that the gateway starts without its issuer.
   * @throws {GatewayError} that says which option is wrong
   */
  static create (options: JwtOptions): JwtVerifier {
    const need = (given: boolean, what: string) => { if (!given) throw new GatewayError('invalid_argument', `JWTs need ${what}`) }
    const audiences = [options.audience].flat()
    need(options.issuer !== '', 'an issuer: the exact "iss" of the tokens')
    need(audiences.length > 0 && !audiences.includes(''), 'an audience: the "aud" that tokens for this gateway have')
    need(options.roleClaim !== '', 'the name of the claim that gives the role')
    need(options.roles.operator.length + options.roles.viewer.length > 0, 'at least one value of the claim that gives a role')
    return new JwtVerifier(options, /^https?:/i.test(options.jwks) ? remoteKeys(options.jwks, options) : fileKeys(options.jwks, options))
  }

  /**
   * Who shows `token`; without a role where no claim of it gives one. `undefined` where it is not acceptable.
   * @throws {GatewayError} `unavailable` where the keys cannot be had, since that says nothing of the token
   */
  async verify (token: string): Promise<Caller | undefined> {
    const { issuer, audience, clockToleranceSeconds = 60, onRefused } = this.#options
    try {
      const { payload } = await jwtVerify(token, this.#key, {
        algorithms: ALGORITHMS,
        issuer,
        audience: [audience].flat(),
        clockTolerance: clockToleranceSeconds,
        requiredClaims: ['exp', 'sub']
      })
      const name = nameOf(payload.sub)
      if (name !== undefined) return { kind: 'jwt', name, role: this.#roleOf(payload) }
      onRefused?.('a "sub" that cannot be a name')
    } catch (error) {
      if (error instanceof GatewayError) throw error
      onRefused?.(reasonOf(error))
    }
    return undefined
  }

  readonly #key: KeySource = async (header, token) => {
    try {
      return await this.#keys(header, token)
    } catch (error) {
      if (TOKENS_FAULT.some(kind => error instanceof kind)) throw error
      throw new GatewayError('unavailable', 'the keys that JWTs are checked with cannot be had; try again', { cause: error })
    }
  }
}

const TOKENS_FAULT = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported]

/** `jwt:` and `sub` with all that could disturb a log percent-encoded: so nobody takes the name of another, nor of `system`. */
function nameOf (sub: unknown): string | undefined {
  if (typeof sub !== 'string' || sub === '') return undefined
  const name = sub.toWellFormed().replaceAll(/[^A-Za-z0-9._:@/|+=,~-]/gu, character => encodeURIComponent(character).replaceAll("'", '%27'))
  return name.length <= MAX_NAME ? `jwt:${name}` : undefined
}

/** jose's code, and the claim: both of closed sets. Its messages may speak of what was sent. */
function reasonOf (error: unknown): string {
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired) return `${error.code} (${error.claim})`
  return error instanceof errors.JOSEError ? error.code : 'the key cannot verify it'
}
