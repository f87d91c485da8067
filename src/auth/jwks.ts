import { createLocalJWKSet, errors, type JWTVerifyGetKey } from 'jose'
import { GatewayError } from '../errors.js'
import { parseJson } from '../files/parse-json.js'
import { WatchedFile, type Watching } from '../files/watched-file.js'

/** Finds the keys that a token may be signed with. */
export type KeySet = JWTVerifyGetKey

/** Where an issuer's keys come from. */
export interface KeySource {
  /** Those that count now, the same object until they change. @throws {GatewayError} `unavailable` */
  current (): KeySet | Promise<KeySet>
  /**
   * For a token that none of the current ones is for: such as there are by now.
   * @throws {GatewayError} `unavailable`; `resource_exhausted` where too many of `whom` wait for that
   */
  newer (whom: string): KeySet | Promise<KeySet>
}

/** The keys in the JSON Web Key Set at `path`, read again when it changes. */
export function fileKeys (path: string, watching: Watching): KeySource {
  const keys = new WatchedFile(path, text => keySet(parseJson(text)), watching)
  return { current: () => keys.current, newer: () => keys.current }
}

/**
 * The keys of a JSON Web Key Set; what in it is no key is passed over. A token is matched with the keys that have its
 * `kid`, or else with those that have none; a token without one with all.
 * @throws {GatewayError} that quotes nothing of it
 */
export function keySet (json: unknown): KeySet {
  const keys: unknown = isObject(json) ? json.keys : undefined
  if (!Array.isArray(keys)) throw new GatewayError('invalid_argument', 'must be a JSON Web Key Set: {"keys": […]}')
  const usable = keys.filter(isObject).filter(({ kty }) => typeof kty === 'string') as Array<{ kty: string, kid?: string }>
  const all = createLocalJWKSet({ keys: usable })
  const nameless = createLocalJWKSet({ keys: usable.filter(({ kid }) => kid === undefined) })
  return async (header, token) => {
    try {
      return await all(header, token)
    } catch (error) {
      if (header.kid === undefined || !(error instanceof errors.JWKSNoMatchingKey)) throw error
      return await nameless({ ...header, kid: undefined }, token)
    }
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)
