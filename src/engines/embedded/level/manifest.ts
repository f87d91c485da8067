import { recordsIn } from './log-format.js'
import { varint } from './varint.js'

// What a manifest says of the files that the database has: edits, each of fields with a tag (LevelDB's db/version_edit.cc).
const [COMPARATOR, LOG, NEXT_FILE, SEQUENCE, COMPACTED_TO, DELETED, NEW, FORMER_LOG] = [1, 2, 3, 4, 5, 6, 7, 9]

/** What a database is made of, by the numbers of its files. */
export interface Version {
  /** Others are what a compaction left that did not come to its end, or did and left what it merged: LevelDB removes them unread. */
  readonly tables: ReadonlySet<number>
  /** The first log that has what is in no table; all that are greater have, too. */
  readonly log: number
}

/** What belonged to the database when `manifest` was read, which may end in the midst of a write. @throws where it has a field that is not known */
export function versionIn (manifest: Buffer): Version {
  const live = new Set<string>()
  let log = 0
  for (const edit of recordsIn(manifest)) log = apply(edit, live) ?? log
  return { tables: new Set([...live].map(place => Number(place.split(' ')[1]))), log }
}

/** Moved to another level, a table is deleted and new in one edit. Answers the number of the log, where the edit has one. */
function apply (edit: Buffer, live: Set<string>): number | undefined {
  let log: number | undefined
  const at = { byte: 0 }
  const number = () => varint(edit, at)
  const skipText = () => {
    const length = number()
    at.byte += length
  }
  const added: string[] = []
  while (at.byte < edit.length) {
    const tag = number()
    switch (tag) {
      case COMPARATOR:
        skipText()
        break
      case LOG:
        log = number()
        break
      case NEXT_FILE: case SEQUENCE: case FORMER_LOG:
        number()
        break
      case COMPACTED_TO:
        number()
        skipText()
        break
      case DELETED:
        live.delete(`${number()} ${number()}`)
        break
      case NEW:
        added.push(`${number()} ${number()}`)
        number()
        skipText()
        skipText()
        break
      default:
        throw new RangeError(`a manifest with the tag ${tag} is not known`)
    }
  }
  for (const place of added) live.add(place)
  return log
}
