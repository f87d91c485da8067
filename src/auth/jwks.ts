import { createLocalJWKSet, createRemoteJWKSet, customFetch, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { GatewayError } from '../errors.js'
import { isLoopback } from './loopback.js'
import { WatchedJson, type Watching } from './watched-json.js'

/** Finds the key that a token names by its `kid`. */
export type KeySource = JWTVerifyGetKey

export interface Fetching {
  readonly cooldownMs?: number
  readonly fetch?: typeof fetch
}

// An issuer that is down is not asked again for each token that comes.
const RETRY_MS = 1000

/** The keys at `address`: cached, fetched again when they are old (10 min) or a token names one that is not among them. */
export function remoteKeys (address: string, { cooldownMs = 30_000, fetch: get = fetch }: Fetching): KeySource {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url === undefined || (url.protocol === 'http:' && !isLoopback(url.hostname.replaceAll(/[[\]]/g, '')))) {
    throw new GatewayError('invalid_argument', 'the keys for JWTs must be at an https URL (http for loopback only) or in a file: whoever can change them on the way can sign')
  }
  return createRemoteJWKSet(url, { cooldownDuration: cooldownMs, [customFetch]: sparingly(get) })
}

/** `get`, which for a while after a failure fails without asking. */
function sparingly (get: typeof fetch): (url: string, options: object) => Promise<Response> {
  let retryAt = 0
  const rest = () => { retryAt = performance.now() + RETRY_MS }
  return async (url, options) => {
    if (performance.now() < retryAt) throw new Error('the keys could not be fetched a moment ago')
    const response = await get(url, options).catch(error => { rest(); throw error })
    if (!response.ok) rest()
    return response
  }
}

/** The keys in the JSON Web Key Set at `path`, read again when it changes. */
export function fileKeys (path: string, watching: Watching): KeySource {
  const keys = new WatchedJson(path, keySet, watching)
  return (header, token) => keys.current(header, token)
}

function keySet (json: unknown): KeySource {
  try {
    return createLocalJWKSet(json as JSONWebKeySet)
  } catch {
    throw new GatewayError('invalid_argument', 'must be a JSON Web Key Set: {"keys": […]}')
  }
}
