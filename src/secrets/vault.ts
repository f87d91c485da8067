import type { Keys } from './keys.js'
import type { Trees } from './trees.js'

/** The keys that seal what must not be read on disk and prove what is believed of it, and their trees. */
export interface Vault extends Keys {
  readonly trees: Pick<Trees, 'of'>
}

export const vaultOf = (ring: Keys, trees: Pick<Trees, 'of'>): Vault =>
  ({ current: () => ring.current(), key: id => ring.key(id), trees })
