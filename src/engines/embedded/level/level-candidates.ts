import type { AbstractSnapshot } from 'abstract-level'
import type { Level } from 'level'
import type { Filter } from '../../../storage/store.js'
import { attributePrefix, expiryOf, expiryPrefix, recordKey, startingWith } from './level-keys.js'

/** An id that a list is looked through for, and whether it may be in it: what is only passed on the way may not. */
export interface Candidate {
  readonly id: string
  readonly mayPass: boolean
}

// Where more expire in time, to go through all and leave those out that do not is no more work.
const MOST_EXPIRING = 10_000

/** The ids to look at for a page, greatest first and below `below`, by whichever indexes `filter` has use for. */
export async function * candidates (
  db: Level<string, Buffer>, kind: string, { indexed = [], expiresBefore }: Filter, below: string | undefined, snapshot: AbstractSnapshot
): AsyncGenerator<Candidate> {
  const expiring = expiresBefore === undefined ? undefined : await idsExpiring(db, kind, expiresBefore, snapshot)
  if (expiring === undefined) {
    const prefixes = indexed.map(({ attribute, value }) => attributePrefix(kind, attribute, value))
    yield * idsUnderAll(db, prefixes.length === 0 ? [recordKey(kind, '')] : prefixes, below, snapshot)
  } else {
    for (const id of expiring) if (below === undefined || id < below) yield { id, mayPass: true }
  }
}

/** The ids of those that expire before that time, by id; `undefined` where they are many. */
async function idsExpiring (db: Level<string, Buffer>, kind: string, time: number, snapshot: AbstractSnapshot) {
  const range = { gt: expiryPrefix(0), lt: expiryPrefix(Math.max(0, time)), limit: MOST_EXPIRING + 1, snapshot }
  const keys = await db.keys(range).all()
  if (keys.length > MOST_EXPIRING) return undefined
  return keys.map(expiryOf).filter(entry => entry.kind === kind).map(({ id }) => id).sort().reverse()
}

/**
 * The ids that stand under every one of `prefixes`: each list in turn jumps to the id that the one before it stands at, so that
 * the rarest sets the pace.
 */
async function * idsUnderAll (
  db: Level<string, Buffer>, prefixes: readonly string[], below: string | undefined, snapshot: AbstractSnapshot
): AsyncGenerator<Candidate> {
  const lists = prefixes.map(prefix => {
    const { gt, lt } = startingWith(prefix)
    const keys = db.keys({ gt, lt: below === undefined ? lt : prefix + below, reverse: true, snapshot })
    return {
      seek: (id: string) => keys.seek(prefix + id),
      next: async () => (await keys.next())?.slice(prefix.length),
      close: () => keys.close()
    }
  })
  try {
    let at = 0
    let agreed = 1
    let id = await lists[at]!.next()
    while (id !== undefined) {
      if (agreed === lists.length) {
        yield { id, mayPass: true }
        id = await lists[at]!.next()
        agreed = 1
        continue
      }
      at = (at + 1) % lists.length
      lists[at]!.seek(id)
      const next = await lists[at]!.next()
      if (next === id) {
        agreed++
      } else {
        yield { id, mayPass: false }
        id = next
        agreed = 1
      }
    }
  } finally {
    await Promise.all(lists.map(list => list.close()))
  }
}
