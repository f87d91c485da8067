import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyOptions } from 'jose'
import { systemClock, type Clock } from '../clock.js'
import { GatewayError } from '../errors.js'
import { networkOf } from './address.js'
import type { Caller } from './caller.js'
import { fileKeys, type KeySet, type KeySource } from './jwks.js'
import { nameOf } from './jwt-name.js'
import { KnownJwts } from './known-jwts.js'
import { RemoteKeys, type Fetching } from './remote-keys.js'
import { roleByClaim, type RoleValues } from './role-claim.js'
import { Turns } from './turns.js'
import { verifySignature } from './verify-signature.js'
import type { Watching } from '../files/watched-file.js'

// Signatures by a key pair only: where a shared secret (HS…) or "none" counts, whoever knows the public key can sign.
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']

/** With what concerns its keys: of a URL, or in a file. */
export interface JwtOptions extends Fetching, Watching {
  readonly issuer: string
  readonly audience: string | readonly string[]
  /** Where the issuer's public keys are: an https URL (http for loopback only), or a file. */
  readonly jwks: string
  /** The claim that gives the role; see `roleByClaim`. */
  readonly roleClaim: string
  readonly roles: RoleValues
  /** How far clocks may be apart; 60 where it is not said. */
  readonly clockToleranceSeconds?: number
  /** Told why a token was refused, in words of ours: no part of the token. */
  readonly onRefused?: (reason: string) => void
}

/** Knows the callers that a JWT of one issuer names. */
export class JwtVerifier {
  readonly #options: JwtOptions
  readonly #expected: JWTVerifyOptions
  readonly #tolerance: number
  readonly #keys: KeySource
  readonly #roleOf: ReturnType<typeof roleByClaim>
  readonly #clock: Clock
  readonly #known: KnownJwts
  readonly #turns = new Turns()

  private constructor (options: JwtOptions, keys: KeySource) {
    const { issuer, audience, clockToleranceSeconds: clockTolerance = 60, clock = systemClock, roleClaim, roles } = options
    this.#options = options
    this.#clock = clock
    this.#known = new KnownJwts(clock)
    this.#tolerance = clockTolerance
    this.#expected = { algorithms: ALGORITHMS, issuer, audience: [audience].flat(), clockTolerance, requiredClaims: ['exp', 'sub'] }
    this.#keys = keys
    this.#roleOf = roleByClaim(roleClaim, roles)
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
    return new JwtVerifier(
      options,
      /^https?:/i.test(options.jwks) ? new RemoteKeys(options.jwks, options) : fileKeys(options.jwks, options)
    )
  }

  /**
   * Who shows `token`; without a role where no claim of it gives one. `undefined` where it is not acceptable. Signatures
   * cost: they are verified once for each token, and one at a time, for all addresses in turn.
   * @throws {GatewayError} `unavailable` where the keys cannot be had, since that says nothing of the token;
   *   `resource_exhausted` where too many tokens from that address wait
   */
  async verify (token: string, remoteAddress = ''): Promise<Caller | undefined> {
    const known = this.#known.find(token)
    if (known !== undefined && known.keys === await this.#keys.current()) return known.caller
    try {
      const fault = this.#fault(token)
      if (fault === undefined) return await this.#caller(token, networkOf(remoteAddress))
      this.#options.onRefused?.(fault)
    } catch (error) {
      if (error instanceof GatewayError) throw error
      this.#options.onRefused?.(reasonOf(error))
    }
    return undefined
  }

  /** Why a token cannot be acceptable, as far as that shows without a key: this spares the issuer and us much work. */
  #fault (token: string): string | undefined {
    const { iss, exp = Infinity } = decodeJwt(token)
    if (!ALGORITHMS.includes(String(decodeProtectedHeader(token).alg))) return errors.JOSEAlgNotAllowed.code
    if (iss !== this.#options.issuer) return `${errors.JWTClaimValidationFailed.code} (iss)`
    return exp <= Math.floor(this.#clock.now() / 1000) - this.#tolerance ? `${errors.JWTExpired.code} (exp)` : undefined
  }

  async #caller (token: string, network: string): Promise<Caller | undefined> {
    const { payload, keys } = await this.#verified(token, network)
    const name = nameOf(payload.sub)
    if (name === undefined) {
      this.#options.onRefused?.('a "sub" that cannot be a name')
      return undefined
    }
    const caller = Object.freeze({ kind: 'jwt', name, role: this.#roleOf(payload) } as const)
    this.#known.add(token, { caller, keys, expiresAt: payload.exp! + this.#tolerance })
    return caller
  }

  /** The claims of `token`, and the keys that they are proved by. */
  async #verified (token: string, network: string): Promise<{ payload: JWTPayload, keys: KeySet }> {
    const verify = (keys: KeySet) => verifySignature(token, keys, { ...this.#expected, currentDate: new Date(this.#clock.now()) })
    const by = async (keys: KeySet) => ({ keys, payload: await this.#turns.take(network, () => verify(keys)) })
    const keys = await this.#keys.current()
    try {
      return await by(keys)
    } catch (error) {
      if (!mayBeOfNewerKey(error, token)) throw error
      const newer = await this.#keys.newer(network)
      if (newer === keys) throw error
      return await by(newer)
    }
  }
}

/** Whether the key is not known, or the token does not say which it is. */
const mayBeOfNewerKey = (error: unknown, token: string): boolean => error instanceof errors.JWKSNoMatchingKey ||
  (error instanceof errors.JWSSignatureVerificationFailed && decodeProtectedHeader(token).kid === undefined)

/** jose's code, and the claim: both of closed sets. Its messages may speak of what was sent. */
function reasonOf (error: unknown): string {
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired) return `${error.code} (${error.claim})`
  return error instanceof errors.JOSEError ? error.code : 'the key cannot verify it'
}
