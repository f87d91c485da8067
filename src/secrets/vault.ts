import type { KeyRing } from './ring.js'
import { open, seal } from './seal.js'

/** Seals what must not be read on disk, and opens it again: each text for one context, and one text beside it, alone. */
export interface Vault {
  /** @throws `unavailable` where there is no key to seal with */
  seal (contextId: string, plaintext: string, beside: string): Uint8Array | Promise<Uint8Array>
  /** @throws `internal` where `sealed` is not what was sealed for both, `unavailable` naming the key that cannot be had */
  open (contextId: string, sealed: Uint8Array, beside: string): string | Promise<string>
}

/** The vault that has the keys of `ring`. */
export const createVault = (ring: Pick<KeyRing, 'current' | 'key'>): Vault => ({
  seal: (contextId, plaintext, beside) => seal(ring.current(), contextId, plaintext, beside),
  open: (contextId, sealed, beside) => open(ring, contextId, sealed, beside).toString()
})
