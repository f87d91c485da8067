import { open, unlink } from 'node:fs/promises'
import { join } from 'node:path'

/** Opening turns the log into a table, so it needs as much room again: 4 MiB, and what the last batch had. */
const NEEDED_BYTES = 8 * 1024 * 1024

/** Rejects unless a database in `directory` that is closed now can be expected to open again. */
export async function assertReopenable (directory: string): Promise<void> {
  const path = join(directory, 'write-probe')
  const file = await open(path, 'w', 0o600)
  try {
    await file.writeFile(Buffer.alloc(NEEDED_BYTES))
    await file.sync()
  } finally {
    await file.close()
    await unlink(path)
  }
}
