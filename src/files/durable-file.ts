import { randomUUID } from 'node:crypto'
import { readFileSync, renameSync } from 'node:fs'
import { open, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { systemClock } from '../clock.js'
import { GatewayError } from '../errors.js'

/**
 * Durably puts `content` in the place of what `file` holds: whatever happens, it then has the one or the other, whole.
 * Only its owner can read it.
 */
export const replaceFile = (file: string, content: string | Uint8Array): Promise<void> => replace(file, content, () => true)

/** @param isMine whether the file may still be replaced; that is asked before anything is touched, and at the very last */
async function replace (file: string, content: string | Uint8Array, isMine: () => boolean): Promise<void> {
  const temporary = `${file}.tmp`
  const assertMine = () => {
    if (!isMine()) throw new GatewayError('unavailable', `another process has changed ${file} meanwhile; try again`)
  }
  assertMine()
  try {
    // One that a crash left would keep its mode, and what was in it.
    await rm(temporary, { force: true })
    const handle = await open(temporary, 'wx', 0o600)
    try {
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
    assertMine()
    renameSync(temporary, file)
  } catch (error) {
    if (isMine()) await rm(temporary, { force: true })
    throw error
  }
  await syncDirectory(dirname(file))
}

/** Makes the names in `directory` durable. */
export async function syncDirectory (directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  await handle.sync().finally(() => handle.close())
}

// A change takes milliseconds: a lock so old was left by a process that was killed, or by one that is stopped.
const STALE_MS = 5_000
const WAIT_MS = 10_000
const RETRY_MS = 20

/** The right to replace a file: as `replaceFile` does. @throws `unavailable` where it took so long that another has it by now */
export type Replace = (content: string | Uint8Array) => Promise<void>

/**
 * Runs `change` while no other caller, in this process or another, does so for `file`. One that was stopped for long while it
 * changed it finds that another has taken its turn, and changes nothing.
 */
export async function whileLocked<T> (file: string, change: (replace: Replace) => Promise<T>): Promise<T> {
  const lock = `${file}.lock`
  const owner = randomUUID()
  const deadline = systemClock.monotonic() + WAIT_MS
  while (!await acquire(lock, owner)) {
    if (systemClock.monotonic() > deadline) {
      throw new GatewayError('unavailable', `another process is changing ${file}; try again, or delete ${lock} where there is none`)
    }
    await setTimeout(RETRY_MS)
  }
  try {
    return await change(content => replace(file, content, () => isHeld(lock, owner)))
  } finally {
    if (isHeld(lock, owner)) await rm(lock, { force: true })
  }
}

async function acquire (lock: string, owner: string): Promise<boolean> {
  try {
    await writeFile(lock, owner, { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  const found = await stat(lock).catch(() => undefined)
  if (found === undefined || systemClock.now() - found.mtimeMs <= STALE_MS) return false
  // Of many who take it over at once the last one has it, and the others see so.
  await writeFile(`${lock}.${owner}`, owner, { mode: 0o600 })
  await rename(`${lock}.${owner}`, lock)
  await setTimeout(RETRY_MS)
  return isHeld(lock, owner)
}

function isHeld (lock: string, owner: string): boolean {
  try {
    return readFileSync(lock, 'utf8') === owner
  } catch {
    return false
  }
}
