import { join } from 'node:path'
import type { Test } from 'tap'
import { verify } from '../../src/engines/embedded/audit/verify.js'
import { LevelStore } from '../../src/engines/embedded/level/level-store.js'
import { recordsOf } from '../audit/support.js'
import { KIND } from './records.js'

/**
 * Asserts that in the directory of a stopped gateway the audit log is whole, and tells of every context that was made and
 * deleted, once, and of no other. Answers the ids of those that are there, each of which is under its slug, and of all that were made.
 */
export async function assertLogTellsOfStore (t: Test, dataDir: string): Promise<{ there: string[], made: string[] }> {
  const store = await LevelStore.open(join(dataDir, 'db'))
  const there: string[] = []
  for (let cursor: string | undefined; ;) {
    const page = await store.page(KIND, {}, cursor, 500)
    t.same(page.damaged, [])
    for (const { id, slug = '' } of page.records) if ((await store.findBySlug(KIND, '', slug))?.id !== id) t.fail(`${id} is not under its slug`)
    there.push(...page.records.map(({ id }) => id))
    if ((cursor = page.cursor) === undefined) break
  }
  await store.close()

  const directory = join(dataDir, 'audit')
  t.same((await verify(directory)).problems, [], 'the audit log is whole')
  const records = await recordsOf(directory)
  const told = (name: string) => records.filter(({ event }) => event === name).map(({ context_id: id }) => id as string)
  const [made, gone] = [told('created'), told('deleted')]
  t.same([new Set(made).size, new Set(gone).size], [made.length, gone.length], 'nothing is told twice')
  const deleted = new Set(gone)
  t.same(made.filter(id => !deleted.has(id)).toSorted(), there.toSorted(), 'what was made and not deleted is there, and nothing without its lines')
  const known = new Set(made)
  t.same(gone.filter(id => !known.has(id)), [])
  return { there, made }
}
