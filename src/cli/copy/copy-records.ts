import { GatewayError } from '../../errors.js'
import type { KeyRows } from '../../secrets/key-row.js'
import type { StoredRecord } from '../../storage/store.js'
import { digestOf } from './digest.js'
import type { Findings } from './findings.js'
import type { Progress } from './progress.js'
import type { Side } from './side.js'

export interface Copying {
  readonly from: Side
  readonly to: Side
  /** Told of what is not as it should be. */
  readonly findings: Findings
  readonly progress: Progress
  /** Ends the work between two pages. */
  readonly signal: AbortSignal
}

export interface Copied {
  readonly copied: number
  /** How many more the target had already. */
  readonly there: number
}

/**
 * Copies what the target does not have, as it is, and overwrites nothing. What has expired is not there.
 * @throws `aborted` when it is told to end; what is copied until then stays
 */
export async function copyRecords ({ from, to, findings, progress, signal }: Copying, keys: KeyRows): Promise<Copied> {
  const lost = new Set(keys.flatMap(({ id, state }) => state === 'destroyed' ? id : []))
  let copied = 0
  let there = 0
  for await (const { kind, records, damaged } of pagesOf(from, signal)) {
    for (const id of damaged) findings.add({ kind, id }, 'is damaged at the source, and is not copied')
    const readable = records.filter(record => {
      const isLost = lost.has(record.sealedBy ?? '')
      if (isLost) findings.add(record, 'was sealed by a key that is destroyed: nobody can read it, and it is not copied')
      return !isLost
    })
    const outcomes = await Promise.all(readable.map(record => put(record, to)))
    outcomes.forEach((outcome, index) => {
      if (outcome === 'copied') copied++
      else if (outcome === 'there') there++
      else findings.add(readable[index]!, outcome)
    })
    progress.add(records.length)
  }
  return { copied, there }
}

/** How many records there are, to show how far the copy is. */
export async function countOf (side: Side, signal: AbortSignal): Promise<number> {
  let count = 0
  for await (const { records } of pagesOf(side, signal)) count += records.length
  return count
}

async function * pagesOf (side: Side, signal: AbortSignal) {
  for (const kind of [...await side.kinds()].sort()) {
    let cursor: string | undefined
    do {
      if (signal.aborted) throw stopped()
      const page = await side.page(kind, cursor)
      yield { kind, ...page }
      cursor = page.cursor
    } while (cursor !== undefined)
  }
}

/** Answers `copied`, `there`, or what is wrong. */
async function put (record: StoredRecord, to: Side): Promise<string> {
  try {
    const found = await to.find(record.kind, record.id)
    if (found !== undefined) return digestOf(found).equals(digestOf(record)) ? 'there' : 'is another at the target, and is not overwritten'
    await to.insert(record)
    return 'copied'
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    switch (error.code) {
      case 'already_exists': return `is not copied: at the target '${error.existingId}' has its slug`
      case 'internal': return `is not copied: ${error.message}`
      default: throw error
    }
  }
}

export const stopped = () => new GatewayError('aborted', 'stopped; run the same command again, and it goes on where it was')
