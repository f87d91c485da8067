import type { Awaitable } from '../awaitable.js'
import type { KeyRows } from './key-row.js'

/**
 * Where an engine keeps the keys of a ring, which other processes may change; `test/secrets/conformance.ts` checks what it
 * promises. It serves one `KeyRing`. It takes and gives material in clear; what it writes down is for its user alone, and
 * wrapped where there is a root key. Keys that it cannot read it leaves as they are. Every method throws `unavailable`
 * with what to do, which is for the log.
 */
export interface RingStore {
  /** The keys as they are, also before `begin`; `undefined` where there is no ring. Changes nothing, also where they are not wrapped yet. */
  read (): Awaitable<KeyRows | undefined>
  /** Called first, once. Makes the ring of `first`, where that is given and there is none: one alone, of many at once. */
  begin (first: KeyRows | undefined): Promise<void>
  /**
   * Durably puts in the place of the keys what `edit` makes of them as they are now, with no other change in between;
   * writes nothing where that is the very same, or where `edit` throws.
   */
  change (edit: (rows: KeyRows) => KeyRows): Promise<void>
  /**
   * The keys; `undefined` where they are what this gave last. It is not called while it is at work. Synchronous where that
   * costs next to nothing: then no request waits for it.
   */
  readIfChanged (): Awaitable<KeyRows | undefined>
}
