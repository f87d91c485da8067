import { andThen, type Awaitable } from '../awaitable.js'
import type { KeyRing } from './ring.js'
import { openText, sealText } from './seal.js'

/**
 * Seals what must not be read on disk, and opens it again: each text for one context, and what stands beside it, alone. At
 * once, where the key is known.
 */
export interface Vault {
  /** @throws `unavailable` where there is no key to seal with */
  sealText (contextId: string, plaintext: string, beside: Uint8Array): Awaitable<Uint8Array>
  /** @throws `internal` where `sealed` is not what was sealed for both, `unavailable` naming the key that cannot be had */
  openText (contextId: string, sealed: Uint8Array, beside: Uint8Array): Awaitable<string>
}

/** The vault that has the keys of `ring`. */
export const createVault = (ring: Pick<KeyRing, 'current' | 'key'>): Vault => ({
  sealText: (contextId, plaintext, beside) => andThen(ring.current(), key => sealText(key, contextId, plaintext, beside)),
  openText: (contextId, sealed, beside) => andThen(openText(ring, contextId, sealed, beside), opened => opened.toString())
})
