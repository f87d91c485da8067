import { readFile, realpath } from 'node:fs/promises'
import { whileLocked } from '../files/durable-file.js'
import { GatewayError } from '../errors.js'
import { parseJson } from '../files/parse-json.js'
import { tokenEntries, type TokenEntry } from '../auth/token-entries.js'

/**
 * Adds `entry` to the tokens file, which is made where it is absent. A reader sees the file before or after, never
 * between.
 * @throws {GatewayError} `already_exists` where the name is taken, `invalid_argument` where the file is no tokens file
 */
export async function addTokenEntry (path: string, entry: TokenEntry): Promise<void> {
  const file = await realpath(path).catch(() => path)
  await whileLocked(file, async replace => {
    const entries = await read(file)
    if (entries.some(({ name }) => name.toLowerCase() === entry.name.toLowerCase())) {
      throw new GatewayError('already_exists', `${path} has a token of that name; choose another, or take its entry out first`)
    }
    await replace(JSON.stringify([...entries, entry], null, 2) + '\n')
  })
}

async function read (file: string): Promise<readonly TokenEntry[]> {
  const text = await readFile(file, 'utf8').catch(error => { if (isAbsent(error)) return '[]'; throw error })
  try {
    return tokenEntries(parseJson(text))
  } catch (error) {
    throw new GatewayError('invalid_argument', `${file}: ${GatewayError.from(error).message}; mend it first`, { cause: error })
  }
}

const isAbsent = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'ENOENT'
