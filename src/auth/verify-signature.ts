import { errors, jwtVerify, type JWTPayload, type JWTVerifyOptions } from 'jose'
import { GatewayError } from '../errors.js'
import type { KeySet } from './jwks.js'

/**
 * The claims of `token`, where a key of `keys` has signed it and they are as `expected`. Each key that it may be by is tried.
 * @throws jose's error that says why not; {GatewayError} `unavailable` where the key is of no use, which says nothing of the token
 */
export async function verifySignature (token: string, keys: KeySet, expected: JWTVerifyOptions): Promise<JWTPayload> {
  const find: KeySet = async (header, token) => {
    try {
      return await keys(header, token)
    } catch (error) {
      if (TOKENS_FAULT.some(kind => error instanceof kind)) throw error
      throw new GatewayError('unavailable', 'the keys that JWTs are checked with cannot be had; try again', { cause: error })
    }
  }
  try {
    return (await jwtVerify(token, find, expected)).payload
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    for await (const key of error) {
      try {
        return (await jwtVerify(token, key, expected)).payload
      } catch (error) {
        // What comes after the signature is the token's fault, and what is not jose's the key's.
        if (error instanceof errors.JOSEError && !(error instanceof errors.JWSSignatureVerificationFailed)) throw error
      }
    }
    throw new errors.JWSSignatureVerificationFailed()
  }
}

const TOKENS_FAULT = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported]
