import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import type { Test } from 'tap'

/** Until the test ends, whoever imports `mkdir` from `node:fs/promises` calls `mkdir`. */
export function replaceMkdir (t: Test, mkdir: (path: string, options: { recursive?: boolean }) => Promise<void>): void {
  const original = fs.mkdir
  const set = (value: unknown) => {
    Object.assign(fs, { mkdir: value })
    syncBuiltinESMExports()
  }
  set(mkdir)
  t.teardown(() => set(original))
}
