import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GatewayError } from '../../../errors.js'
import { isAbsent } from '../../../files/file-problem.js'
import { versionIn } from './manifest.js'
import { damageInLog } from './log-format.js'
import { isTableWhole } from './table-format.js'

const TABLE = /^(\d+)\.(ldb|sst)$/
const LOG_OR_MANIFEST = /\.log$|^MANIFEST-/

/**
 * Looks at the files of a database that is closed. LevelDB opens one with a damaged log nevertheless, without the changes in the
 * damaged part and some behind it, and deletes the log then; and a damaged table ends the process when it is merged.
 * @throws `unavailable` naming the file, where more is damaged than the end of a write that never ended
 */
export async function assertFilesWhole (directory: string): Promise<void> {
  const names = await readdir(directory).catch((error): string[] => {
    if (isAbsent(error)) return []
    throw error
  })
  const data = names.filter(name => TABLE.test(name) || LOG_OR_MANIFEST.test(name))
  if (!names.includes('CURRENT')) {
    // A manifest alone is what is left where the database could not be made: it never held anything.
    if (data.every(name => name.startsWith('MANIFEST-'))) return
    throw damaged(join(directory, 'CURRENT'), 'is missing')
  }
  for (const name of data.filter(name => LOG_OR_MANIFEST.test(name))) {
    const at = damageInLog(await readFile(join(directory, name)))
    if (at !== undefined) throw damaged(join(directory, name), `is damaged at the byte ${at}`)
  }
  const isLive = await liveIn(directory)
  for (const name of data) {
    const [, number] = TABLE.exec(name) ?? []
    if (number === undefined || !isLive(Number(number))) continue
    if (!isTableWhole(await readFile(join(directory, name)))) throw damaged(join(directory, name), 'is damaged')
  }
}

/** Whether a table belongs to the database; each one does, where that cannot be told. */
async function liveIn (directory: string): Promise<(table: number) => boolean> {
  try {
    const manifest = (await readFile(join(directory, 'CURRENT'), 'utf8')).trim()
    const { tables: live } = versionIn(await readFile(join(directory, manifest)))
    return table => live.has(table)
  } catch {
    return () => true
  }
}

const damaged = (file: string, what: string) => new GatewayError(
  'unavailable',
  `the file ${file} ${what}, and to open the database would lose what was acknowledged: restore a backup`
)
