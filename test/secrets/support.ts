import type { RingKey } from '../../src/secrets/ring-key.js'
import * as sealing from '../../src/secrets/seal.js'

export const DAY = 86_400_000
export const CONTEXT = 'exec-01jzzzzzzzzzzzzzzzzzzzzzzz'

export const unavailable = (message: RegExp) => ({ name: 'GatewayError', code: 'unavailable', message })

// Where it does not matter what stands beside the secret.

export const seal = (key: RingKey, contextId: string, plaintext: Uint8Array | string, beside = '') =>
  sealing.sealText(key, contextId, plaintext, Buffer.from(beside))

export const open = (ring: sealing.RingKeys, contextId: string, sealed: Uint8Array, beside = '') =>
  sealing.openText(ring, contextId, sealed, Buffer.from(beside))
