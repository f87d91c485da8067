import { hash, randomBytes } from 'node:crypto'
import { readlinkSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { Level } from 'level'
import type { Check, Named } from '../../../storage/integrity.js'
import { decodeRecord, decodeValue } from './level-codec.js'
import { expiryKey, indexKeys, isIndexKey, isOfSet, isRecordKey, STATE_KEY } from './level-keys.js'
import { digestOf, SetKey } from './set-key.js'

// Looks through all that a store holds, at one moment, in a thread of its own.

/** What the thread is given. */
export interface Order {
  readonly location: string
  /** Of the set's key. */
  readonly material: Uint8Array
  /** Set to 1 to have it end early. */
  readonly stop: SharedArrayBuffer
}

/** What it tells: how far it is, and at the end what it found; nothing where it was to end early. */
export type Told =
  | { readonly entries: number }
  | Check

const AT_ONCE = 1_000
const MOST_NAMED = 1_000
/** From how many entries on others do not wait for the end of it, and go first. */
const MANY = 100_000
/** Of LevelDB's own sixteen KiB at once it would be asked a hundred times as often. */
const BYTES_AT_ONCE = 1024 * 1024
const EMPTY = Buffer.alloc(0)

async function check ({ location, material, stop }: Order): Promise<void> {
  const db = new Level<string, Buffer>(location, { valueEncoding: 'buffer', multithreading: true })
  await db.open()
  const snapshot = db.snapshot()
  try {
    const key = new SetKey(material)
    const get = (name: string) => db.getSync(name, { snapshot })
    const state = key.open(get(STATE_KEY) ?? EMPTY)
    const sum = Buffer.from(state?.sum ?? EMPTY)
    const indexes = new Balance()
    const damaged: Named[] = []
    let [entries, found] = [0, 0]

    const look = (name: string, value: Buffer) => {
      if (isIndexKey(name)) return indexes.toggle(name)
      if (!isOfSet(name)) return
      const [letter, kind = '', id = ''] = name.split('\0')
      // By way of filters and indexes, which a look from one to the next passes by.
      if (!isSame(get, name, value) && damaged.length < MOST_NAMED) damaged.push({ kind, id })
      if (state !== undefined) key.toggle(sum, name, digestOf(value))
      if (letter === 't') indexes.toggle(expiryKey(kind, id, Number(decodeValue(name, value)?.head)))
      if (!isRecordKey(name)) return
      found++
      try {
        for (const index of indexKeys(decodeRecord(value, kind, id, () => ({})))) indexes.toggle(index)
      } catch {
        if (damaged.length < MOST_NAMED) damaged.push({ kind, id })
      }
    }

    const iterator = db.iterator({ snapshot, highWaterMarkBytes: BYTES_AT_ONCE })
    try {
      for (let some = await iterator.nextv(AT_ONCE); some.length > 0; some = await iterator.nextv(AT_ONCE)) {
        if (Atomics.load(new Int32Array(stop), 0) !== 0) return
        for (const [name, value] of some) look(name, value)
        tell({ entries: entries += some.length })
        if (entries >= MANY && entries - some.length < MANY) giveWay()
      }
    } finally {
      await iterator.close()
    }
    tell({
      expected: state?.count ?? 0,
      found,
      isWhole: state !== undefined && isZero(sum) && state.count === found && damaged.length === 0,
      isIndexed: indexes.isEven,
      damaged
    })
  } finally {
    await snapshot.close()
    await db.close()
  }
}

/**
 * What should be in indexes and what is there: where each is there once, nothing is left. Its secret is of one look, and nobody sees
 * the sum: so one hash does.
 */
class Balance {
  readonly #secret = randomBytes(32).toString('hex')
  readonly #sum = Buffer.alloc(32)

  toggle (name: string): void {
    const code = Buffer.from(hash('sha256', this.#secret + name, 'hex'), 'hex')
    for (let at = 0; at < code.length; at++) this.#sum[at]! ^= code[at]!
  }

  get isEven (): boolean {
    return isZero(this.#sum)
  }
}

const isZero = (bytes: Buffer) => bytes.every(byte => byte === 0)

function isSame (get: (name: string) => Buffer | undefined, name: string, value: Buffer): boolean {
  try {
    return get(name)?.equals(value) === true
  } catch {
    return false
  }
}

/** Has this thread take what the others leave of the processors, where threads have priorities of their own: on Linux. */
function giveWay (): void {
  try {
    const [, , thread] = readlinkSync('/proc/thread-self').split('/')
    setPriority(Number(thread), constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // Elsewhere it takes its share.
  }
}

const tell = (told: Told) => parentPort!.postMessage(told)

await check(workerData as Order)
