import type { Clock } from '../clock.js'
import type { Vault } from '../secrets/vault.js'
import type { Auditor } from '../resource/audit-event.js'
import type { Lifetimes } from '../resource/lifetimes.js'
import type { Store } from '../storage/store.js'

/** What operations work on. */
export interface Dependencies {
  readonly store: Store
  readonly audit: Auditor
  readonly vault: Vault
  readonly clock: Clock
  readonly lifetimes: Lifetimes
}
