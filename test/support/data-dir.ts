import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/** A new directory, removed when the test ends and what it started before has ended too. */
export function newDataDir (t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'ectx-test-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
