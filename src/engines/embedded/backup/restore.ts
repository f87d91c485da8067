import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Config } from '../../../config/config.js'
import { placesIn, type Places } from '../../../config/places.js'
import { replaceFile, syncDirectory } from '../../../files/durable-file.js'
import { isAbsent } from '../../../files/file-problem.js'
import { makeDirectory } from '../../../files/make-directory.js'
import { KeyRing } from '../../../secrets/ring.js'
import { loadRootKey } from '../../../secrets/root-key.js'
import { openAuditFiles } from '../audit/audit-files.js'
import { RingFile } from '../keys/ring-file.js'
import { LevelStore } from '../level/level-store.js'
import { makePrivate } from '../private-directory.js'
import { CONTENTS_FILE, readContents, refusal, renderContents, type BackedUpFile, type Contents } from './contents.js'
import { about, type Steps } from './copy-file.js'
import { isThere } from './is-there.js'
import { filesIn, syncDirectories } from './sum-up.js'

export interface RestoreOptions extends Pick<Config, 'dataDir' | 'keyRing'> {
  readonly from: string
  readonly steps: Steps
  readonly warn: (message: string) => void
}

/**
 * Brings a backup back into a data directory that has nothing of a gateway's; no gateway opens it until all is there, and the audit log
 * tells of it. Where that was stopped it is gone on with, or begun anew.
 * @throws `unavailable` that names a file, or `failed_precondition` with what to do
 */
export async function restore (options: RestoreOptions): Promise<Contents> {
  const { from, dataDir, keyRing, steps } = options
  const contents = await readContents(from)
  if (contents === undefined) throw refusal(`${from} is no backup: it has no ${CONTENTS_FILE}, which is written last`)
  const places = placesIn(dataDir, keyRing.file)
  await makePrivate(dataDir)
  const copied = await readContents(places.restoring)
  if (copied === undefined) {
    await assertEmpty(places)
    await rm(places.restoring, { recursive: true, force: true })
    try {
      await copyAll(from, places.restoring, contents, steps)
      await tell(contents, options)
      await replaceFile(join(places.restoring, CONTENTS_FILE), renderContents(contents))
    } catch (error) {
      await rm(places.restoring, { recursive: true, force: true })
      throw error
    }
  } else if (renderContents(copied) !== renderContents(contents)) {
    throw refusal(`a restore of another backup, of ${copied.time}, was stopped in ${dataDir}: restore that one, or remove all in it first`)
  }
  await putInPlace(places)
  return contents
}

async function assertEmpty ({ database, audit, heads, keyRing, trees }: Places): Promise<void> {
  for (const place of [database, audit, heads, keyRing, trees]) {
    if (await isThere(place)) throw refusal(`${place} is there, and nothing is overwritten: move it away, or set ECTX_DATA_DIR to another`)
  }
}

/** Copies what the backup says that it has, durably. @throws `failed_precondition` where something is missing, more, or not as it was */
async function copyAll (from: string, to: string, { files }: Contents, steps: Steps): Promise<void> {
  const there = (await filesIn(from)).filter(path => path !== CONTENTS_FILE)
  const [paths, found] = [new Set(files.map(({ path }) => path)), new Set(there)]
  const missing = files.find(({ path }) => !found.has(path))
  if (missing !== undefined) throw refusal(`the backup is damaged: ${missing.path} is missing in ${from}`)
  const more = there.find(path => !paths.has(path))
  if (more !== undefined) throw refusal(`the backup was changed: ${more} in ${from} is none of its files`)
  steps.begin('restoring', files.length)
  try {
    for (const directory of [to, ...['db', 'audit', 'shred'].map(name => join(to, name))]) await makeDirectory(directory)
    for (const file of files) {
      await copyChecked(join(from, file.path), join(to, file.path), file)
      steps.add(1)
    }
  } finally {
    steps.end()
  }
  await syncDirectories(to, [...paths])
}

async function copyChecked (from: string, to: string, { size, sha256 }: BackedUpFile): Promise<void> {
  const hash = createHash('sha256')
  let copied = 0
  await about(to, async () => {
    const target = await open(to, 'wx', 0o600)
    try {
      for await (const chunk of createReadStream(from)) {
        await target.writeFile(chunk)
        hash.update(chunk)
        copied += chunk.length
      }
      await target.sync()
    } finally {
      await target.close()
    }
  })
  if (copied !== size || hash.digest('hex') !== sha256) throw refusal(`the backup is damaged: ${from} is not as it was`)
}

/** Has the audit log that was restored tell of it, once the store was proved beside it. */
async function tell ({ records }: Contents, { keyRing, dataDir, warn }: RestoreOptions): Promise<void> {
  const copy = placesIn(placesIn(dataDir).restoring)
  const keys = new RingFile(copy.keyRing, loadRootKey(keyRing.root))
  const ring = await KeyRing.open({ store: keys, mayBegin: false })
  if (ring.problem !== undefined) throw refusal(ring.problem)
  const store = await LevelStore.open(copy.database)
  try {
    // No old file goes by the way.
    const audit = await openAuditFiles(store.outbox, { directory: copy.audit, retentionDays: 36_500, warn })
    try {
      const problem = await store.integrity.prove(ring, async () => false)
      if (problem !== undefined) throw refusal(`the backup is damaged: ${problem}`)
      const caller = { name: 'system', kind: 'system' } as const
      await store.feed.beginAnew()
      await audit.record({ event: 'restored_store', caller, outcome: 'ok', count: records || undefined })
    } finally {
      await audit.close()
    }
  } finally {
    await store.close()
  }
}

/** Whatever happens, what is to be put in its place is in `restoring` or there, and `restoring` goes last, at once. */
async function putInPlace (places: Places): Promise<void> {
  const copy = placesIn(places.restoring)
  const dataDir = dirname(places.restoring)
  for (const [from, to] of [[copy.trees, places.trees], [copy.audit, places.audit], [copy.database, places.database]] as const) {
    await about(to, () => rename(from, to)).catch(ignoringAbsence)
  }
  const ring = await readFile(copy.keyRing).catch(ignoringAbsence)
  if (ring !== undefined) {
    await makeDirectory(dirname(places.keyRing))
    await about(places.keyRing, () => replaceFile(places.keyRing, ring))
    await syncDirectory(dataDir)
    await rm(copy.keyRing)
  }
  const over = `${places.restoring}.over`
  await rm(over, { recursive: true, force: true })
  await rename(places.restoring, over)
  await syncDirectory(dataDir)
  await rm(over, { recursive: true })
}

function ignoringAbsence (error: unknown): undefined {
  if (!isAbsent(error)) throw error
}
