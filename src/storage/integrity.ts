import type { Keys } from '../secrets/keys.js'

/** What a look through all that is stored found. */
export interface Check {
  /** How many records there should be, and how many there are. */
  readonly expected: number
  readonly found: number
  /** Whether all is there, as it was committed last. */
  readonly isWhole: boolean
  /** Whether lists and the rest of the indexes can be relied on. */
  readonly isIndexed: boolean
  /** What cannot be read. */
  readonly damaged: readonly Named[]
}

export interface Named {
  readonly kind: string
  readonly id: string
}

/** What is known not to be as it was committed. */
export interface Doubts {
  /** Of which kinds it is known which records there should be, so that of any other it can be said that it is not there. */
  readonly accounted: ReadonlySet<string>
  /** What should be there, and is not. */
  readonly lost: ReadonlyArray<Named & { readonly slug?: string | undefined, readonly execution?: string | undefined }>
  /** What should not be there, or is not what was committed. */
  readonly wrong: readonly Named[]
}

/**
 * What an engine that trusts no disk knows of all that it holds together: of one record that it is what was committed
 * its own code says, but not whether it should be there, nor whether there should be more.
 */
export interface Integrity {
  /**
   * Has all be proved by a key of `keys` from now on, and each change bring the proof along. Answers what is wrong, in words; until
   * it is accepted, `doubt` says what is served nevertheless, and of nothing it is said that it is not there. What was removed while
   * the key was away is believed where `isDeleted` says so, by the audit log.
   * @throws `unavailable` where the key cannot be had: it may be called again
   */
  prove (keys: Keys, isDeleted: (record: Named) => Promise<boolean>): Promise<string | undefined>
  /** Has the key of `keys` that seals now seal what proves, too: another can be destroyed then. */
  reseal (keys: Keys): Promise<void>
  /** Whether each change brings the proof along now. */
  readonly isProved: boolean
  /** Whether all was found to be as it was committed last. */
  readonly isWhole: boolean
  /** Looks through all, beside what else goes on. `progress` is told how many entries it has seen. */
  check (progress?: (entries: number) => void): Promise<Check>
  /** Serves nothing of what is in doubt, and refuses to say of anything but that it is not there. */
  doubt (doubts: Doubts): void
  /** The ids of all records of the kind, expired or not, readable or not. */
  ids (kind: string): AsyncIterable<string>
  /** Takes what can be read, but for `dropped`, as all that there should be. Nothing else may go on. Answers how many records that are. */
  accept (keys: Keys, dropped: readonly Named[], progress?: (entries: number) => void): Promise<number>
}
