import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GatewayError } from '../../../errors.js'
import { isAbsent } from '../../../files/file-problem.js'
import { damageInLog } from './log-format.js'
import { isTableWhole } from './table-format.js'

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
  const data = names.filter(name => /\.(ldb|sst|log)$|^MANIFEST-/.test(name))
  if (data.length > 0 && !names.includes('CURRENT')) throw damaged(join(directory, 'CURRENT'), 'is missing')
  for (const name of data) {
    const bytes = await readFile(join(directory, name))
    if (/\.(ldb|sst)$/.test(name)) {
      if (!isTableWhole(bytes)) throw damaged(join(directory, name), 'is damaged')
    } else {
      const at = damageInLog(bytes)
      if (at !== undefined) throw damaged(join(directory, name), `is damaged at the byte ${at}`)
    }
  }
}

const damaged = (file: string, what: string) => new GatewayError(
  'unavailable',
  `the file ${file} ${what}, and to open the database would lose what was acknowledged: restore a backup`
)
