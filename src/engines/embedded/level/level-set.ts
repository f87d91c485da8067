import { randomUUID } from 'node:crypto'
import { decrypt, encrypt } from '../../../secrets/aead.js'
import { derive, type RingKey } from '../../../secrets/ring-key.js'
import type { LevelBatch } from './level-batch.js'
import { del, put, type Decided, type Write } from './level-changes.js'
import { decodeValue, encodeValue } from './level-codec.js'
import { isOfSet, isRecordKey, sealedPrefix, SET_KEY_KEY, STATE_KEY, unprovedKey } from './level-keys.js'
import type { Read } from './level-reader.js'
import { digestOf, NOTHING, SetKey, type State } from './set-key.js'

/** A change of an entry: the digests of its values. */
export interface Change {
  readonly key: string
  readonly before: string | null
  readonly after: string | null
}

/**
 * What proves which entries there are: the records, until when they live, and their slugs; other indexes follow from these. Each
 * batch brings the state of the set that it leaves, as `SetKey` seals it; that key lies beside it, sealed by a key of the ring.
 */
export class LevelSet {
  readonly #read: Read
  #key: SetKey | undefined
  #state = NOTHING
  #unproved = 0
  #isRefused = false

  constructor (read: Read) {
    this.#read = read
  }

  /** Absent where nothing is proved. */
  get key (): SetKey | undefined {
    return this.#key
  }

  get state (): State {
    return this.#state
  }

  /** Whether there is a proof, or what was one. */
  get isBegun (): boolean {
    return this.#read(SET_KEY_KEY) !== undefined || this.#read(STATE_KEY) !== undefined
  }

  /** The ring key that the set's key is sealed by; `undefined` where that cannot be read. */
  get ringKeyId (): string | undefined {
    return this.#sealed()?.head
  }

  /** How often something was changed that nothing proves. */
  get unproved (): number {
    return this.#unproved
  }

  /** The set's key; `undefined` where `ringKey` does not open it. */
  keyBy (ringKey: RingKey): SetKey | undefined {
    const { head, body: box } = this.#sealed() ?? {}
    return head === ringKey.id && box !== undefined ? unsealed(ringKey, box) : undefined
  }

  /** The state that there is; `undefined` where `key` does not prove it. */
  stateBy (key: SetKey): State | undefined {
    return key.open(this.#read(STATE_KEY) ?? EMPTY)
  }

  /** Believes `state`, and `changes`, which came while its key was away. */
  open (key: SetKey, state: State, changes: ReadonlyMap<string, Change>): Decided<boolean> {
    this.#key = key
    this.#state = state
    if (changes.size === 0) return { writes: [], result: true }
    // Each removal has its event.
    const removals = [...changes.values()].filter(({ key, after }) => isRecordKey(key) && after === null).length
    this.#state = {
      ...withChanges(key, state, [...changes.values()]),
      sequence: state.sequence + 1,
      audit: state.audit + removals,
      events: state.events + removals
    }
    return { writes: [...[...changes.keys()].map(del), put(STATE_KEY, key.seal(this.#state))], result: true }
  }

  /** Believes no state any more, until one begins: what is changed meanwhile is of no use to any. */
  refuse (): void {
    this.#key = undefined
    this.#isRefused = true
  }

  /** Whether what is changed is of use to the state, now or when its key is back. */
  get isKept (): boolean {
    return this.#key !== undefined || (!this.#isRefused && this.isBegun)
  }

  /** Reads the state again, after a batch that may be there or not. */
  reload (): void {
    const state = this.#key && this.stateBy(this.#key)
    if (state === undefined) this.#key = undefined
    else this.#state = state
  }

  /** Has `state` be the set's, by `key`. No other change of the set may be at work. */
  begin (key: SetKey, ringKey: RingKey, state: State): Decided<undefined> {
    this.#key = key
    this.#state = state
    this.#isRefused = false
    return { writes: [...this.#sealedBy(key, ringKey), put(STATE_KEY, key.seal(state))], result: undefined }
  }

  /** Has the set's key be sealed by `ringKey`. */
  reseal (ringKey: RingKey): Decided<undefined> {
    return { writes: this.#key === undefined ? [] : this.#sealedBy(this.#key, ringKey), result: undefined }
  }

  /** The state that `batch` leaves, and what must be written with it. `last` are the numbers of the last events in it. */
  after (batch: LevelBatch, last: Pick<State, 'audit' | 'events'>): { readonly writes: Write[], readonly committed: () => void } {
    if (!this.isKept) return { writes: [], committed: () => {} }
    const changed = [...batch.writes].filter(({ key }) => isOfSet(key))
    const key = this.#key
    const changes = changed.map(write => ({
      key: write.key, before: digestOrNull(batch.before(write.key)), after: write.type === 'put' ? digestOf(write.value) : null
    }))
    if (key === undefined) {
      this.#unproved++
      return { writes: changes.map(unproved), committed: () => {} }
    }
    const isTold = last.audit === this.#state.audit && last.events === this.#state.events
    if (changed.length === 0 && isTold) return { writes: [], committed: () => {} }
    const state = { ...withChanges(key, this.#state, changes), sequence: this.#state.sequence + 1, ...last }
    return { writes: [put(STATE_KEY, key.seal(state))], committed: () => { this.#state = state } }
  }

  #sealed (): { head: string, body: Buffer } | undefined {
    const value = this.#read(SET_KEY_KEY)
    return value && decodeValue(SET_KEY_KEY, value)
  }

  #sealedBy (key: SetKey, ringKey: RingKey): Write[] {
    const former = this.ringKeyId
    const box = encrypt(derive(ringKey, PURPOSE), EMPTY, key.material)
    return [
      ...former === undefined ? [] : [del(inUse(former))],
      put(inUse(ringKey.id), EMPTY),
      put(SET_KEY_KEY, encodeValue(SET_KEY_KEY, ringKey.id, box))
    ]
  }
}

function withChanges (key: SetKey, { sum: former, count: number }: State, changes: readonly Change[]): Pick<State, 'sum' | 'count'> {
  const sum = Buffer.from(former)
  let count = number
  for (const { key: name, before, after } of changes) {
    if (before !== null) key.toggle(sum, name, before)
    if (after !== null) key.toggle(sum, name, after)
    if (isRecordKey(name)) count += Number(after !== null) - Number(before !== null)
  }
  return { sum, count }
}

const digestOrNull = (value: Buffer | undefined) => value === undefined ? null : digestOf(value)

const unproved = (change: Change): Write => put(unprovedKey(randomUUID()), Buffer.from(JSON.stringify(change)))

const PURPOSE = 'ectx set key 1'
const EMPTY = Buffer.alloc(0)

/** Among the keys that a ring key seals. */
const inUse = (ringKeyId: string) => `${sealedPrefix(ringKeyId)}${SET_KEY_KEY}`

function unsealed (ringKey: RingKey, box: Buffer): SetKey | undefined {
  try {
    return new SetKey(decrypt(derive(ringKey, PURPOSE), EMPTY, box))
  } catch {
    return undefined
  }
}
