import { open, readFile, realpath, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { GatewayError } from '../errors.js'
import { tokenEntries, type TokenEntry } from './token-entries.js'

/**
 * Adds `entry` to the tokens file, which is made where it is absent. A reader sees the file before or after, never
 * between; of two that add at once, one is refused.
 * @throws {GatewayError} `already_exists` where the name is taken, `aborted` where another adds, `invalid_argument` where the file is no tokens file
 */
export async function addTokenEntry (path: string, entry: TokenEntry): Promise<void> {
  const file = await realpath(path).catch(() => path)
  const replacement = `${file}.new`
  const handle = await open(replacement, 'wx', 0o600).catch(error => { throw isCode(error, 'EEXIST') ? inTheWay(replacement) : error })
  try {
    const entries = await read(file)
    if (entries.some(({ name }) => name.toLowerCase() === entry.name.toLowerCase())) {
      throw new GatewayError('already_exists', `${path} has a token of that name; choose another, or take its entry out first`)
    }
    await handle.writeFile(JSON.stringify([...entries, entry], null, 2) + '\n')
    await handle.sync()
    await rename(replacement, file)
  } catch (error) {
    await rm(replacement, { force: true })
    throw error
  } finally {
    await handle.close()
  }
  await syncDirectory(dirname(file))
}

async function read (file: string): Promise<readonly TokenEntry[]> {
  const text = await readFile(file, 'utf8').catch(error => { if (isCode(error, 'ENOENT')) return '[]'; throw error })
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new GatewayError('invalid_argument', `${file} is no valid JSON; mend it first`)
  }
  return tokenEntries(json)
}

async function syncDirectory (path: string): Promise<void> {
  const directory = await open(path)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

const isCode = (error: unknown, code: string) => error instanceof Error && 'code' in error && error.code === code
const inTheWay = (path: string) => new GatewayError('aborted', `${path} is there: another command changes the tokens; try again, or remove the file if none does`)
