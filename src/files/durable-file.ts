import { open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { systemClock } from '../clock.js'
import { GatewayError } from '../errors.js'

/**
 * Durably puts `content` in the place of what `file` holds: whatever happens, it then has the one or the other, whole.
 * Only its owner can read it.
 */
export async function replaceFile (file: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${file}.tmp`
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
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncDirectory(dirname(file))
}

/** Makes the names in `directory` durable. */
export async function syncDirectory (directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  await handle.sync().finally(() => handle.close())
}

// A change takes milliseconds: a lock so old was left by a process that was killed.
const STALE_MS = 5_000
const WAIT_MS = 10_000
const RETRY_MS = 20

/** Runs `change` while no other caller, in this process or another, does so for `file`. */
export async function whileLocked<T> (file: string, change: () => Promise<T>): Promise<T> {
  const lock = `${file}.lock`
  const deadline = systemClock.monotonic() + WAIT_MS
  while (!await acquire(lock)) {
    if (systemClock.monotonic() > deadline) {
      throw new GatewayError(
        'unavailable',
      `another process is changing ${file}; try again, or delete ${lock} where there is none`
      )
    }
    await setTimeout(RETRY_MS)
  }
  return change().finally(() => rm(lock, { force: true }))
}

async function acquire (lock: string): Promise<boolean> {
  try {
    const handle = await open(lock, 'wx', 0o600)
    await handle.close()
    return true
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    const found = await stat(lock).catch(() => undefined)
    if (found !== undefined && systemClock.now() - found.mtimeMs > STALE_MS) await rm(lock, { force: true })
    return false
  }
}
