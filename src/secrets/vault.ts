import type { KeyRing } from './ring.js'
import type { Trees } from './trees.js'

/** The keys that seal what must not be read on disk and prove what is believed of it: at once, where they are known. */
export interface Vault extends Pick<KeyRing, 'current' | 'key'> {
  readonly trees: Pick<Trees, 'of'>
}

export const vaultOf = (ring: Pick<KeyRing, 'current' | 'key'>, trees: Pick<Trees, 'of'>): Vault =>
  ({ current: () => ring.current(), key: id => ring.key(id), trees })
