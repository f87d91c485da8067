import { chmod, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../../clock.js'
import type { Config } from '../../../config/config.js'
import { placesIn, type Places } from '../../../config/places.js'
import { replaceFile } from '../../../files/durable-file.js'
import { isAbsent } from '../../../files/file-problem.js'
import { makeDirectory } from '../../../files/make-directory.js'
import { KeyRing } from '../../../secrets/ring.js'
import { loadRootKey } from '../../../secrets/root-key.js'
import { verify } from '../audit/verify.js'
import { RingFile } from '../keys/ring-file.js'
import { LevelStore } from '../level/level-store.js'
import { CONTENTS_FILE, refusal, renderContents, type Contents } from './contents.js'
import { copyAudit } from './copy-audit.js'
import { DatabaseCopy } from './copy-database.js'
import { about, type Steps } from './copy-file.js'
import { copyTrees, treesIn } from './copy-trees.js'
import { sumUp } from './sum-up.js'

// What changes while it is copied is another each time.
const MOST_ATTEMPTS = 5
const OWN_FILES = ['LOG', 'LOG.old', 'LOCK']

export interface BackupOptions extends Pick<Config, 'dataDir' | 'keyRing'> {
  readonly to: string
  /** Whether the keys may be in it in clear. */
  readonly keysInClear: boolean
  /** Of the gateway. */
  readonly version: string
  readonly steps: Steps
  /** Told what is as it is at the source, and should not be so. */
  readonly warn: (message: string) => void
}

/** What of a copy was proved. */
interface Proved extends Pick<Contents, 'sequence' | 'records' | 'audit'> {
  /** The keys that seal something in it. */
  readonly keys: ReadonlySet<string>
}

/** What was there while it was copied is there no more, or does not fit the rest of the copy: another may be right. */
class Missed extends Error {}

/**
 * Makes a backup of a gateway's data in the directory `to`, which is absent or empty, also while the gateway runs: all as it was after
 * one commit, which has whatever was acknowledged before. It is proved to be what was committed. Where it fails nothing is left.
 * @throws `unavailable` that names a file, or `failed_precondition` with what to do
 */
export async function backUp (options: BackupOptions): Promise<Contents> {
  const { dataDir, keyRing, to, keysInClear, steps, version } = options
  const from = placesIn(dataDir, keyRing.file)
  if (!(await listed(from.database)).includes('CURRENT')) throw refusal(`there is no store in ${dataDir}: set ECTX_DATA_DIR`)
  if (loadRootKey(keyRing.root) === undefined && !keysInClear) throw refusal(IN_CLEAR)
  if ((await listed(to)).length > 0) throw refusal(`${to} is not empty: name a new directory, or remove what a stopped backup has left`)
  await makeDirectory(to)
  await chmod(to, 0o700)
  try {
    const { keys, ...proved } = await copyProved(from, to, options)
    for (const name of OWN_FILES) await rm(join(placesIn(to).database, name), { force: true })
    const files = await sumUp(to, steps)
    const contents = { version, time: new Date(systemClock.now()).toISOString(), ...proved, files }
    const file = join(to, CONTENTS_FILE)
    await about(file, () => replaceFile(file, renderContents(contents)))
    return { format: 1, ...contents }
  } catch (error) {
    for (const name of await listed(to)) await rm(join(to, name), { recursive: true, force: true })
    throw error
  }
}

async function copyProved (from: Places, to: string, options: BackupOptions): Promise<Proved> {
  const database = new DatabaseCopy(from.database, placesIn(to).database)
  for (let attempt = 1; ; attempt++) {
    try {
      return await copy(from, placesIn(to), database, options)
    } catch (error) {
      if (!(error instanceof Missed || isAbsent(error))) throw error
      if (attempt === MOST_ATTEMPTS) throw refusal(`there is no whole copy, ${MOST_ATTEMPTS} times: ${(error as Error).message}`)
    }
  }
}

/** The store comes first: what of its audit events it has no more is in the log by then, and what seals its records is there still. */
async function copy (from: Places, to: Places, database: DatabaseCopy, options: BackupOptions): Promise<Proved> {
  const { keyRing, steps, warn } = options
  for (const place of [to.audit, to.trees]) await rm(place, { recursive: true, force: true })
  const rootKey = loadRootKey(keyRing.root)
  const before = await openable(new RingFile(from.keyRing, rootKey), from)
  await database.make(steps)
  await about(to.keyRing, async () => writeFile(to.keyRing, await readFile(from.keyRing), { mode: 0o600 }))
  await copyTrees(from.trees, to.trees)
  const keys = new RingFile(to.keyRing, rootKey)
  const after = await openable(keys, to)
  const proved = await prove(to.database, await KeyRing.open({ store: keys, mayBegin: false }), steps)
  for (const id of proved.keys) {
    if (after.has(id)) continue
    if (before.has(id)) throw new Missed(`the key ${id} was destroyed meanwhile`)
    warn(`the key ${id}, or its tree in shred/, is missing: what it sealed cannot be opened, neither here nor in the backup`)
  }
  await copyAudit(from.audit, to.audit, proved.audit)
  await assertLogWhole(from, to, warn)
  return proved
}

/** The keys that open something: those that are not destroyed, and have a tree. */
async function openable (ring: RingFile, { keyRing, trees }: Places): Promise<ReadonlySet<string>> {
  const rows = await ring.read()
  if (rows === undefined) throw refusal(`the key ring ${keyRing} is missing: without it nothing can be opened; put it back`)
  const withTree = await treesIn(trees)
  return new Set(rows.filter(({ id, state }) => state !== 'destroyed' && withTree.has(id)).map(({ id }) => id))
}

/** @throws {Missed} where it is not what was committed at some moment */
async function prove (database: string, ring: KeyRing, steps: Steps): Promise<Proved> {
  if (ring.problem !== undefined) throw refusal(ring.problem)
  const store = await LevelStore.open(database).catch(error => { throw new Missed(error.message) })
  try {
    const problem = await store.integrity.prove(ring, async () => false)
    if (problem !== undefined) throw new Missed(`${problem}; see \`npm run check-store\``)
    steps.begin('checking ', 0)
    let seen = 0
    const look = store.integrity.check(entries => {
      steps.add(entries - seen)
      seen = entries
    })
    const { isWhole, isIndexed } = await look.finally(() => steps.end())
    if (!isWhole || !isIndexed) throw new Missed('the store does not hold what was committed last; see `npm run check-store`')
    const { sequence, count: records, audit } = store.integrity.state
    return { sequence, records, audit, keys: await store.keysOfRecords() }
  } finally {
    await store.close()
  }
}

async function assertLogWhole (from: Places, to: Places, warn: (message: string) => void): Promise<void> {
  const [problem] = (await verify(to.audit)).problems
  if (problem === undefined) return
  const { problems } = await verify(from.audit)
  if (problems.length === 0) throw new Missed(`the audit log: ${problem.where} ${problem.problem}`)
  warn('the audit log is not as it was written, and is copied as it is; see `npm run audit -- verify`')
}

const IN_CLEAR =
  'no root key is set, so the backup would have the keys in clear, and so all secrets: set ECTX_ROOT_KEY_FILE, or accept that with --keys-in-clear'

const listed = (directory: string): Promise<string[]> => about(directory, () => readdir(directory)).catch((error): string[] => {
  if (isAbsent(error)) return []
  throw error
})
