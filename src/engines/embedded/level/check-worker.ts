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
const EMPTY = Buffer.alloc(0)
/** In the place of a value, where all is in the key. */
const NOT_ANY = ''

async function check ({ location, material, stop }: Order): Promise<void> {
  const db = new Level<string, Buffer>(location, { valueEncoding: 'buffer', multithreading: true })
  await db.open()
  const snapshot = db.snapshot()
  try {
    const key = new SetKey(material)
    const get = (name: string) => db.getSync(name, { snapshot })
    const state = key.open(get(STATE_KEY) ?? EMPTY)
    const sum = Buffer.from(state?.sum ?? EMPTY)
    // What should be in indexes and what is there: where each is there once, nothing is left.
    const indexes = Buffer.alloc(32)
    const damaged: Named[] = []
    let [entries, found] = [0, 0]

    const look = (name: string, value: Buffer) => {
      if (isIndexKey(name)) return key.toggle(indexes, name, NOT_ANY)
      if (!isOfSet(name)) return
      const [letter, kind = '', id = ''] = name.split('\0')
      // By way of filters and indexes, which a look from one to the next passes by.
      if (!isSame(get, name, value) && damaged.length < MOST_NAMED) damaged.push({ kind, id })
      if (state !== undefined) key.toggle(sum, name, digestOf(value))
      if (letter === 't') key.toggle(indexes, expiryKey(kind, id, Number(decodeValue(name, value)?.head)), NOT_ANY)
      if (!isRecordKey(name)) return
      found++
      try {
        for (const index of indexKeys(decodeRecord(value, kind, id, () => ({})))) key.toggle(indexes, index, NOT_ANY)
      } catch {
        if (damaged.length < MOST_NAMED) damaged.push({ kind, id })
      }
    }

    const iterator = db.iterator({ snapshot })
    try {
      for (let some = await iterator.nextv(AT_ONCE); some.length > 0; some = await iterator.nextv(AT_ONCE)) {
        if (Atomics.load(new Int32Array(stop), 0) !== 0) return
        for (const [name, value] of some) look(name, value)
        tell({ entries: entries += some.length })
      }
    } finally {
      await iterator.close()
    }
    const isEmpty = (bytes: Buffer) => bytes.every(byte => byte === 0)
    tell({
      expected: state?.count ?? 0,
      found,
      isWhole: state !== undefined && isEmpty(sum) && state.count === found && damaged.length === 0,
      isIndexed: isEmpty(indexes),
      damaged
    })
  } finally {
    await snapshot.close()
    await db.close()
  }
}

function isSame (get: (name: string) => Buffer | undefined, name: string, value: Buffer): boolean {
  try {
    return get(name)?.equals(value) === true
  } catch {
    return false
  }
}

const tell = (told: Told) => parentPort!.postMessage(told)

await check(workerData as Order)
