import { createHash } from 'node:crypto'
import { systemClock } from '../../clock.js'
import type { StoredRecord } from '../../storage/store.js'
import { stopped, type Copying } from './copy-records.js'
import { digestOf } from './digest.js'
import type { Side } from './side.js'

/** How far the clocks of the two sides may be apart: what expires that soon may be on one side alone. */
const CLOCKS_MS = 10_000
const SHOWN_EVERY = 100

export interface Verified {
  /** How many records are the same on both sides, by kind. */
  readonly counts: ReadonlyMap<string, number>
  /** SHA-256 over all of these, in hex. */
  readonly checksum: string
}

/** Reads both sides whole, and compares each record in all its parts. What is not the same is found. */
export async function verify ({ from, to, findings, progress, signal }: Copying): Promise<Verified> {
  const counts = new Map<string, number>()
  const checksum = createHash('sha256')
  let compared = 0
  const kinds = new Set([...await from.kinds(), ...await to.kinds()])
  for (const kind of [...kinds].sort()) {
    for await (const [source, target] of pairs(from, to, kind)) {
      if (signal.aborted) throw stopped()
      const record = source ?? target!
      if (source === undefined || target === undefined) {
        if (isOver(record)) continue
        findings.add(record, source === undefined ? 'is at the target alone' : 'is not at the target')
      } else {
        const digest = digestOf(source)
        if (digestOf(target).equals(digest)) {
          checksum.update(digest)
          counts.set(kind, (counts.get(kind) ?? 0) + 1)
        } else {
          findings.add(record, 'is another at the target')
        }
      }
      if (++compared % SHOWN_EVERY === 0) progress.add(SHOWN_EVERY)
    }
  }
  progress.add(compared % SHOWN_EVERY)
  return { counts, checksum: checksum.digest('hex') }
}

const isOver = ({ expireTime = Infinity }: StoredRecord) => expireTime <= systemClock.now() + CLOCKS_MS

/** The records of both sides with the same id, greatest first; where one side has none, the other's alone. */
async function * pairs (from: Side, to: Side, kind: string): AsyncGenerator<[source?: StoredRecord, target?: StoredRecord]> {
  const [sources, targets] = [recordsOf(from, kind), recordsOf(to, kind)]
  let [source, target] = [await next(sources), await next(targets)]
  while (source !== undefined || target !== undefined) {
    const order = source === undefined ? -1 : target === undefined ? 1 : Buffer.compare(Buffer.from(source.id), Buffer.from(target.id))
    yield [order >= 0 ? source : undefined, order <= 0 ? target : undefined]
    if (order >= 0) source = await next(sources)
    if (order <= 0) target = await next(targets)
  }
}

const next = async (records: AsyncGenerator<StoredRecord, undefined>) => (await records.next()).value

async function * recordsOf (side: Side, kind: string): AsyncGenerator<StoredRecord, undefined> {
  let cursor: string | undefined
  do {
    const page = await side.page(kind, cursor)
    yield * page.records
    cursor = page.cursor
  } while (cursor !== undefined)
}
