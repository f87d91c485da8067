import type { Level } from 'level'
import { GatewayError } from '../../../errors.js'
import { FORMAT_KEY } from './level-keys.js'

/** The number of the form in which records are kept. A change of it brings a migration from the one before. */
const FORMAT = 2

/** Sees to it that what is in `db` is in our form, which a new database gets. @throws `unavailable` with what to do */
export async function assertFormat (db: Level<string, Buffer>): Promise<void> {
  const found = await db.get(FORMAT_KEY)
  if (found === undefined) {
    const [anything] = await db.keys({ limit: 1 }).all()
    if (anything !== undefined) throw refusal(UNNUMBERED)
    await db.put(FORMAT_KEY, Buffer.from(String(FORMAT)), { sync: true })
  } else if (Number(found) !== FORMAT) {
    throw refusal(`is of format ${Number(found)}, and this version knows ${FORMAT}: run the version that made it`)
  }
}

const UNNUMBERED =
  'was made before formats had numbers, by a version that was never released: remove it, or set ECTX_DATA_DIR to another directory'

const refusal = (problem: string) => new GatewayError('unavailable', `its database ${problem}`)
