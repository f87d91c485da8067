import type { Level } from 'level'
import type { AuditOutbox, Committed } from '../../../audit/audit-outbox.js'
import { describe, lostEvents, type AuditEvent } from '../../../audit/event.js'
import type { Clock } from '../../../clock.js'
import type { LevelSet } from './level-set.js'
import { put, del, type Decided, type Write } from './level-changes.js'
import { decodeValue, encodeValue } from './level-codec.js'
import { auditKey, NUMBERS_KEY, numberIn } from './level-keys.js'
import { storeFailure } from './level-errors.js'
import type { SetKey } from './set-key.js'

/** What the log needs of its store. */
export interface LogStore {
  readonly db: Level<string, Buffer>
  readonly clock: Clock
  readonly set: LevelSet
  /** Commits. */
  apply (decided: Decided<undefined>): Promise<undefined>
  /** Reads while the database stays open. */
  guarded<T> (read: () => Promise<T>): Promise<T>
}

/** What proves the audit events that an earlier process left. */
export interface Proof {
  readonly key: SetKey
  /** Up to which number each event has a code; later ones may have come while the key was away. */
  readonly audit: number
}

const UNREADABLE = { head: undefined, body: new Uint8Array() }

// Where more wait, the journal is out of order: then they are read back when it is not.
const MOST_RECENT = 8192
// So that no batch becomes much larger by them.
const MOST_FORGOTTEN_AT_ONCE = 2048

/** The audit events that come along with changes, numbered in the order of the commits, until the journal has them. */
export class LevelLog implements AuditOutbox {
  readonly #store: LogStore
  /** The greatest number that any ever had. */
  #greatest = 0
  #last = 0
  #proof: Proof | undefined
  /** Whether what an earlier process left waits for what proves it. */
  #isWaiting = false
  /** Up to which number audit events are in the journal, and up to which they are no longer here. */
  #forgotten = 0
  #gone = 0
  /** The latest audit events, as long as the journal has not got them: to read them back would cost more than all the rest. */
  #recent: Committed[] = []
  #listener = () => {}

  constructor (store: LogStore) {
    this.#store = store
  }

  /** As long as it is not known what proves the events that an earlier process left, there are none for the journal. */
  get last (): number {
    return this.#isWaiting ? this.#forgotten : this.#last
  }

  /** The greatest number that any had. */
  get greatest (): number {
    return Math.max(this.#last, this.#forgotten)
  }

  /** Up to which number the journal has them. */
  get forgotten (): number {
    return this.#forgotten
  }

  /** Finds out what is there, before anything else. What was left waits for `believe`, where it can be proved. */
  async open (): Promise<void> {
    this.#isWaiting = this.#store.set.isBegun
    await this.load()
  }

  /** Has what was left go to the journal: what `proof` proves, or, where the key cannot be had, all. */
  believe (proof?: Proof): void {
    this.#proof = proof ?? this.#proof
    this.#isWaiting = false
    this.#listener()
  }

  /** Finds out what is there, whenever a batch may have been written or not. */
  async load (): Promise<void> {
    const { db, set } = this.#store
    const numberAt = async (reverse: boolean) => {
      const [key] = await db.keys({ gt: auditKey(0), lt: auditKey(Number.MAX_SAFE_INTEGER), limit: 1, reverse }).all()
      return key === undefined ? undefined : numberIn(key)
    }
    const [first, last = 0] = await Promise.all([numberAt(false), numberAt(true)])
    const value = await db.get(NUMBERS_KEY)
    const kept: { audit: number } = JSON.parse((value && decodeValue(NUMBERS_KEY, value)?.head) ?? '{"audit":0}')
    this.#last = Math.max(kept.audit, last, set.state.audit)
    this.#greatest = Math.max(this.#last, this.#forgotten)
    this.#gone = first === undefined ? this.#last : first - 1
    this.#recent = []
    this.#listener()
  }

  /** The next audit event has a greater number than that. */
  atLeast (audit: number): void {
    this.#last = Math.max(this.#last, audit)
    this.#greatest = Math.max(this.#greatest, audit)
  }

  /** Begins a batch: what `add` answers is part of it, and `end` what must stand behind all; then it is `committed`. */
  begin () {
    let audit = this.#greatest
    const { clock } = this.#store
    const added: Committed[] = []
    const gone = Math.min(this.#forgotten, this.#gone + MOST_FORGOTTEN_AT_ONCE)
    return {
      get audit (): number {
        return audit
      },
      add: (events: readonly AuditEvent[] = []): Write[] => events.map(about => {
        const description = describe(about, clock.now())
        added.push({ description, about, commit: ++audit })
        return this.#proved(auditKey(audit), description)
      }),
      end: (): Write[] => {
        const forgotten = Array.from({ length: Math.max(0, gone - this.#gone) }, (_, index) => del(auditKey(this.#gone + 1 + index)))
        return audit > this.#greatest ? [...forgotten, write(NUMBERS_KEY, JSON.stringify({ audit }))] : forgotten
      },
      committed: (): void => {
        const isNew = audit > this.#greatest
        this.#greatest = Math.max(audit, this.#greatest)
        this.#gone = Math.max(this.#gone, gone)
        if (!isNew) return
        this.#last = audit
        this.#recent.push(...added)
        if (this.#recent.length > MOST_RECENT) this.#recent = []
        this.#listener()
      }
    }
  }

  async append (event: AuditEvent): Promise<void> {
    await this.#store.apply({ writes: [], along: { audit: [event] }, result: undefined })
  }

  async read (after: number, limit: number): Promise<readonly Committed[]> {
    const first = this.#recent[0]?.commit
    if (first !== undefined && first <= after + 1) return this.#recent.slice(after + 1 - first, after + 1 - first + limit)
    const from = Math.max(after, this.#forgotten)
    const entries = await this.#entries({ gt: auditKey(from), lt: auditKey(Number.MAX_SAFE_INTEGER), limit })
    const found: Committed[] = []
    const lostBefore = (commit: number) => {
      for (let missing = from + found.length + 1; missing < commit && found.length < limit; missing++) found.push(this.#lost(missing))
    }
    for (const { key, head, body } of entries) {
      const commit = numberIn(key)
      lostBefore(commit)
      found.push(head !== undefined && this.#isProved(commit, head, body) ? { commit, description: head } : this.#lost(commit))
    }
    lostBefore(this.#last + 1)
    return found.slice(0, limit)
  }

  forget (through: number): void {
    this.#forgotten = Math.max(this.#forgotten, through)
    this.#greatest = Math.max(this.#greatest, through)
    const { length } = this.#recent
    if (length > 0) this.#recent.splice(0, Math.min(length, Math.max(0, through + 1 - this.#recent[0]!.commit)))
  }

  listen (listener: () => void): void {
    this.#listener = listener
  }

  /** In the place of one that cannot be read, which must keep back none of the others. */
  #lost (commit: number): Committed {
    return { commit, description: describe(lostEvents(1, 'internal'), this.#store.clock.now()) }
  }

  #proved (key: string, description: string): Write {
    return write(key, description, this.#store.set.key?.codeOf(key, description))
  }

  #isProved (commit: number, description: string, code: Uint8Array): boolean {
    if (this.#proof === undefined) return true
    const { key, audit } = this.#proof
    return key.isCodeOf(auditKey(commit), description, code) || (code.length === 0 && commit > audit)
  }

  /** Those in the range; one that cannot be read has no head. */
  #entries (range: { gt: string, lt: string, limit: number }) {
    return this.#store.guarded(async () => {
      const found = await this.#store.db.iterator(range).all().catch(error => { throw storeFailure(error) })
      return found.map(([key, value]) => ({ key, ...decodeValue(key, value) ?? UNREADABLE }))
    })
  }
}

const write = (key: string, head: string, body?: Uint8Array): Write => put(key, encodeValue(key, head, body))
