import type { KeyRing } from './ring.js'

/** The keys that seal what must not be read on disk and prove what is believed of it: at once, where they are known. */
export type Vault = Pick<KeyRing, 'current' | 'key'>
