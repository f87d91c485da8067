import { Worker } from 'node:worker_threads'
import type { Level } from 'level'
import { GatewayError } from '../../../errors.js'
import type { Keys } from '../../../secrets/keys.js'
import type { Check, Doubts, Integrity, Named } from '../../../storage/integrity.js'
import { damaged } from '../../../storage/refusals.js'
import type { Filter } from '../../../storage/store.js'
import type { Order, Told } from './check-worker.js'
import type { Change } from './level-changes.js'
import { recordKey, startingWith, UNPROVED_PREFIX } from './level-keys.js'
import type { LevelFeed } from './level-feed.js'
import type { LevelLog } from './level-log.js'
import type { Change as SetChange, LevelSet } from './level-set.js'
import { rebuild } from './rebuild.js'
import { NOTHING, SetKey, type State } from './set-key.js'

/** What integrity needs of its store. */
export interface ProvedStore {
  readonly db: Level<string, Buffer>
  readonly set: LevelSet
  readonly log: LevelLog
  readonly feed: LevelFeed
  /** Commits. */
  readonly apply: <Result>(change: Change<Result>) => Promise<Result>
}

/** Whether what the store holds is what was committed, and what is served where it is not. */
export class LevelIntegrity implements Integrity {
  readonly #store: ProvedStore
  #stop: SharedArrayBuffer | undefined
  #checking: Promise<unknown> = Promise.resolve()
  /** Whether the key that proves what there is has not been had yet. */
  #isWaiting = false
  /** Why it cannot be said of everything whether it is there. */
  #problem: string | undefined
  #isUnindexed = false
  #isWhole = false
  #doubts: Doubts = { accounted: new Set(), lost: [], wrong: [] }
  readonly #barred = new Set<string>()

  constructor (store: ProvedStore) {
    this.#store = store
  }

  async prove (keys: Keys, isDeleted: (record: Named) => Promise<boolean>): Promise<string | undefined> {
    this.#isWaiting = true
    try {
      return await this.#prove(keys, isDeleted)
    } finally {
      this.#store.log.believe()
    }
  }

  async #prove (keys: Keys, isDeleted: (record: Named) => Promise<boolean>): Promise<string | undefined> {
    const { set, log, feed, db, apply } = this.#store
    const current = await keys.current()
    if (set.isBegun) {
      const ringKey = set.ringKeyId === undefined ? undefined : await keys.key(set.ringKeyId)
      const key = ringKey && set.keyBy(ringKey)
      const state = key && set.stateBy(key)
      // Before the audit log is asked below, which then has what was left.
      if (key !== undefined) log.believe({ key, audit: state?.audit ?? Infinity })
      if (key === undefined || state === undefined) return this.#fail('the proof of what it should hold was changed or removed')
      for (let isOpen = false; !isOpen;) {
        const { unproved } = set
        const changes = await this.#unproved()
        for (const { key } of changes.values()) {
          const [letter, kind = '', id = ''] = key.split('\0')
          if (letter === 'r' && !await isDeleted({ kind, id })) return this.#fail(UNTOLD)
        }
        // There may be more by now.
        isOpen = await apply(() => set.unproved === unproved ? set.open(key, state, changes) : { writes: [], result: false })
      }
      if (log.forgotten > set.state.audit) {
        return this.#fail(`it is older than its audit log, which tells of ${log.forgotten - set.state.audit} changes more`)
      }
      log.atLeast(set.state.audit)
      feed.atLeast(set.state.events)
      await this.reseal(keys)
    } else {
      const [anything] = await db.keys({ ...startingWith('r\0'), limit: 1 }).all()
      if (anything !== undefined) return this.#fail('what it should hold was never proved, or the proof was removed')
      if (log.forgotten > 0) return this.#fail('it is empty, and its audit log tells of changes')
      await apply(() => set.begin(SetKey.random(), current, NOTHING))
    }
    this.#isWaiting = false
    this.#problem = undefined
    return undefined
  }

  async reseal (keys: Keys): Promise<void> {
    const { set, apply } = this.#store
    const current = await keys.current()
    if (set.key !== undefined && set.ringKeyId !== current.id) await apply(() => set.reseal(current))
  }

  get isProved (): boolean {
    return this.#store.set.key !== undefined
  }

  get isWhole (): boolean {
    return this.#isWhole
  }

  /** What is proved that there is. */
  get state (): State {
    return this.#store.set.state
  }

  check (progress?: (entries: number) => void): Promise<Check> {
    const { db: { location }, set: { key } } = this.#store
    if (key === undefined) throw new GatewayError('failed_precondition', 'nothing proves what the store should hold')
    const stop = this.#stop = new SharedArrayBuffer(4)
    const order: Order = { location, material: key.material, stop }
    const checking = new Promise<Check>((resolve, reject) => {
      const worker = new Worker(new URL('check-worker.js', import.meta.url), { workerData: order })
      let found: Check | undefined
      worker.on('message', (told: Told) => {
        if ('entries' in told) progress?.(told.entries)
        else found = told
      })
      worker.on('error', reject)
      worker.on('exit', () => found === undefined ? reject(new GatewayError('aborted', 'the check was stopped')) : resolve(found))
    })
    this.#checking = checking.catch(() => {})
    return checking.then(check => {
      if (!check.isWhole) this.#problem ??= 'it does not hold what was committed last'
      this.#isUnindexed = !check.isIndexed
      this.#isWhole = check.isWhole && check.isIndexed
      return check
    })
  }

  /** Resolves when no check has the database open any more. */
  async stopChecking (): Promise<void> {
    if (this.#stop !== undefined) Atomics.store(new Int32Array(this.#stop), 0, 1)
    await this.#checking
  }

  doubt (doubts: Doubts): void {
    this.#doubts = doubts
    for (const { kind, id, slug } of doubts.lost) {
      this.#barred.add(recordKey(kind, id))
      if (slug !== undefined) this.#barred.add(slugOf(kind, slug))
    }
    for (const { kind, id } of doubts.wrong) this.#barred.add(recordKey(kind, id))
  }

  async * ids (kind: string): AsyncGenerator<string> {
    const prefix = recordKey(kind, '')
    for await (const key of this.#store.db.keys(startingWith(prefix))) yield key.slice(prefix.length)
  }

  async accept (keys: Keys, dropped: readonly Named[], progress: (entries: number) => void = () => {}): Promise<number> {
    const { db, set, log } = this.#store
    const key = SetKey.random()
    const { sequence, events } = set.state
    const state = await rebuild(db, key, { sequence, audit: log.greatest, events }, dropped, progress)
    const current = await keys.current()
    await this.#store.apply(() => set.begin(key, current, state))
    this.#problem = undefined
    this.#isUnindexed = false
    this.#isWhole = true
    this.#barred.clear()
    this.#doubts = { accounted: new Set(), lost: [], wrong: [] }
    return state.count
  }

  /** @throws `internal` where the record is not what it should be */
  assertServed (kind: string, id: string): void {
    if (this.#barred.size > 0 && this.#barred.has(recordKey(kind, id))) throw damaged(id)
  }

  isServed (kind: string, id: string): boolean {
    return this.#barred.size === 0 || !this.#barred.has(recordKey(kind, id))
  }

  /** @throws `internal` where it cannot be said that there is no such record */
  assertAbsent (kind: string, { id, slug }: { id?: string, slug?: string }): void {
    this.assertKnown()
    if (this.#problem === undefined) return
    if (id !== undefined) this.assertServed(kind, id)
    if (slug !== undefined && this.#barred.has(slugOf(kind, slug))) throw damaged(slug)
    if (!this.#doubts.accounted.has(kind)) throw unproved(this.#problem)
  }

  /** @throws `unavailable` where it cannot be said yet that there is nothing */
  assertKnown (): void {
    if (this.#isWaiting) throw WAITING
  }

  /** @throws `internal` where the indexes may lead past something */
  assertIndexed (): void {
    if (this.#isUnindexed) throw unproved('its indexes are damaged')
  }

  /** The ids of what is lost and may belong to what `filter` asks for. */
  lostIn (kind: string, { indexed = [] }: Filter): string[] {
    if (this.#problem === undefined) return []
    if (!this.#doubts.accounted.has(kind)) throw unproved(this.#problem)
    const asked = indexed.find(({ attribute }) => attribute === 'execution_id')?.value
    return this.#doubts.lost
      .filter(lost => lost.kind === kind && (asked === undefined || lost.execution === undefined || lost.execution === asked))
      .map(({ id }) => id)
  }

  /** What was changed while the key was away, by the keys where it stands. */
  async #unproved (): Promise<ReadonlyMap<string, SetChange>> {
    const found = await this.#store.db.iterator(startingWith(UNPROVED_PREFIX)).all()
    return new Map(found.map(([key, value]) => [key, JSON.parse(value.toString())]))
  }

  #fail (problem: string): string {
    this.#store.set.refuse()
    this.#isWaiting = false
    this.#problem = problem
    return problem
  }
}

const UNTOLD = 'it was changed while its key was away, and its audit log does not tell of it'
const WAITING = new GatewayError('unavailable', 'whether it is there cannot be told: the key that proves what is cannot be had now')

const slugOf = (kind: string, slug: string) => `slug\0${kind}\0${slug}`

const unproved = (problem: string) => new GatewayError(
  'internal',
  `the store cannot be relied on: ${problem}; stop the gateway and run \`npm run check-store\``
)
