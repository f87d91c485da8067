import { recordsIn } from './log-format.js'
import { varint } from './varint.js'

// What a manifest says of the tables that the database has: edits, each of fields with a tag (LevelDB's db/version_edit.cc).
const [COMPARATOR, LOG, NEXT_FILE, SEQUENCE, COMPACTED_TO, DELETED, NEW, FORMER_LOG] = [1, 2, 3, 4, 5, 6, 7, 9]

/**
 * The numbers of the tables that belong to the database, by its manifest, which is not damaged. Others are what a compaction left that did
 * not come to its end, or did and left what it merged: LevelDB removes them unread.
 * @throws where the manifest has a field that is not known
 */
export function liveTables (manifest: Buffer): ReadonlySet<number> {
  const live = new Set<string>()
  for (const edit of recordsIn(manifest)) apply(edit, live)
  return new Set([...live].map(place => Number(place.split(' ')[1])))
}

/** Moved to another level, a table is deleted and new in one edit. */
function apply (edit: Buffer, live: Set<string>): void {
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
      case LOG: case NEXT_FILE: case SEQUENCE: case FORMER_LOG:
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
}
