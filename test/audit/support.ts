import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { AuditLog, AuditQuery } from '../../src/audit/audit-log.js'
import type { AuditEvent } from '../../src/audit/event.js'
import { systemClock } from '../../src/clock.js'
import { openAuditFiles, type AuditFilesOptions } from '../../src/engines/embedded/audit/audit-files.js'
import { MemoryOutbox } from '../../src/engines/memory/memory-outbox.js'
import { PackedFile } from '../../src/engines/embedded/audit/packed-file.js'
import { verify } from '../../src/engines/embedded/audit/verify.js'

/** An event of the context `id`, with `changes` laid over it. */
export const newEvent = (id: string, changes: Partial<AuditEvent> = {}): AuditEvent => ({
  event: 'revealed',
  caller: { name: 'runner', kind: 'token' },
  operation: 'get',
  context_id: id,
  execution_id: `run of ${id}`,
  keys: ['TOKEN'],
  outcome: 'ok',
  ...changes
})

/** A log in `directory`, of a store whose outbox nothing but the log writes to. */
export const openFiles = (directory: string, options: Partial<AuditFilesOptions> = {}) =>
  openAuditFiles(new MemoryOutbox(options.clock ?? systemClock), { directory, ...options })

/** As `openFiles`, closed when the test ends; after a failure it tries again at once. */
export async function openLog (t: Test, directory: string, options: Partial<AuditFilesOptions> = {}) {
  const log = await openFiles(directory, { retryMs: 1, ...options })
  t.teardown(() => log.close())
  return log
}

/** Records an event for each of `ids`, each written before the next, so that files are begun between them. */
export async function recordAll (log: AuditLog, ids: Iterable<string | number>) {
  for (const id of ids) {
    await log.record(newEvent(String(id)))
    await written(log)
  }
}

/** Resolves when all that was recorded is where it is kept, or cannot be. */
export const written = async (log: AuditLog) => { await log.query({ pageSize: 1 }) }

export const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

/** The files of the log, oldest first. */
export const filesOf = async (directory: string) => (await readdir(directory)).filter(name => /\.jsonl(\.z)?$/.test(name)).sort()

export async function linesOf (directory: string, name: string): Promise<string[]> {
  if (name.endsWith('.jsonl')) return (await readFile(join(directory, name), 'utf8')).split('\n').slice(0, -1)
  const file = await PackedFile.open(join(directory, name))
  const lines = await Promise.all(file.directory.blocks.map(block => file.read(block)))
  return lines.flat().map(({ bytes }) => bytes.toString())
}

/** Every line of the log, parsed. Files may be packed meanwhile. */
export async function recordsOf (directory: string): Promise<Array<Record<string, any>>> {
  const names = new Set((await filesOf(directory)).map(name => name.replace(/\.z$/, '')))
  const files = await Promise.all([...names].map(name => linesOf(directory, name).catch(() => linesOf(directory, `${name}.z`))))
  return files.flat().map(line => JSON.parse(line))
}

/** Writes what `change` makes of the lines of `name`. */
export const rewrite = async (directory: string, name: string, change: (lines: string[]) => string[]) =>
  writeFile(join(directory, name), change(await linesOf(directory, name)).map(line => `${line}\n`).join(''))

/** Asserts that the log is whole and holds an event for each of `ids`, in order. */
export async function assertWhole (t: Test, directory: string, ids: Iterable<string | number>, name = 'the log is whole') {
  t.same((await verify(directory)).problems, [], name)
  t.same((await recordsOf(directory)).map(record => record.context_id), Array.from(ids, String))
}

/** The context ids of all that `query` finds, in the order of the pages. */
export async function recorded (log: AuditLog, query: Partial<AuditQuery> = {}, pageSize = 100) {
  const found: Array<string | undefined> = []
  for (let pageToken: string | undefined; ;) {
    const page = await log.query({ pageSize, pageToken, ...query })
    found.push(...page.events.map(record => record.context_id))
    pageToken = page.nextPageToken
    if (pageToken === undefined) return found
  }
}
