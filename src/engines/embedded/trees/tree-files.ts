import { readdir, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { GatewayError } from '../../../errors.js'
import { syncDirectory } from '../../../files/durable-file.js'
import { fileProblem, isAbsent } from '../../../files/file-problem.js'
import { makeDirectory } from '../../../files/make-directory.js'
import type { WrappedNode } from '../../../secrets/tree-node.js'
import type { TreeStore } from '../../../secrets/tree-store.js'
import { TreeFile } from './tree-file.js'

/** What the trees must know of the database: whether something in it may need one that is not there. */
export interface SealedDatabase {
  /** The keys that records are sealed by. */
  keysOfRecords (): Promise<ReadonlySet<string>>
  /** Whether a tree was ever made for it. */
  hasTrees (): Promise<boolean>
  noteTrees (): Promise<void>
}

/** Keeps trees in files of a directory, one for each ring key, which one process at a time may have open. */
export class TreeFiles implements TreeStore {
  readonly isShared = false
  readonly #directory: string
  readonly #database: SealedDatabase
  readonly #files = new Map<string, TreeFile>()
  readonly #opening = new Map<string, Promise<TreeFile | undefined>>()

  constructor (directory: string, database: SealedDatabase) {
    this.#directory = directory
    this.#database = database
  }

  async begin (keyId: string, nodes: readonly WrappedNode[]): Promise<void> {
    await this.#explained(keyId, async () => {
      if (!await isThere(this.#pathOf(keyId))) this.#files.delete(keyId)
      if (await this.#open(keyId) !== undefined) return
      await this.#assertNoneIsLost(keyId)
      await makeDirectory(this.#directory)
      await syncDirectory(dirname(this.#directory))
      this.#files.set(keyId, await TreeFile.create(this.#pathOf(keyId), nodes))
      await this.#database.noteTrees()
    })
  }

  cover (keyId: string, leaf: string): WrappedNode | undefined | Promise<WrappedNode | undefined> {
    const file = this.#files.get(keyId)
    return file === undefined ? this.#existing(keyId).then(file => coverIn(file, keyId, leaf)) : coverIn(file, keyId, leaf)
  }

  async replace (keyId: string, removed: readonly string[], added: readonly WrappedNode[]): Promise<boolean> {
    const file = await this.#existing(keyId)
    return this.#explained(keyId, () => file.replace(removed, added))
  }

  async all (keyId: string): Promise<readonly WrappedNode[] | undefined> {
    return (await this.#explained(keyId, () => this.#open(keyId)))?.nodes
  }

  async destroy (keyIds: readonly string[]): Promise<void> {
    const there = await readdir(this.#directory).catch((error): string[] => {
      if (isAbsent(error)) return []
      throw error
    })
    const doomed = keyIds.filter(id => there.includes(nameOf(id)))
    for (const keyId of doomed) {
      await this.#explained(keyId, async () => {
        await (await this.#open(keyId))?.erase()
        this.#files.delete(keyId)
        await rm(this.#pathOf(keyId), { force: true })
      })
    }
    if (doomed.length > 0) await syncDirectory(this.#directory)
  }

  /** Another in the place of one that is not there would be in the way of its return. */
  async #assertNoneIsLost (keyId: string): Promise<void> {
    if (!await this.#database.hasTrees()) return
    const inUse = await this.#database.keysOfRecords()
    const isLost = inUse.has(keyId) || (inUse.size > 0 && !await isThere(this.#directory))
    if (isLost) throw missing(keyId)
  }

  async #existing (keyId: string): Promise<TreeFile> {
    const file = await this.#explained(keyId, () => this.#open(keyId))
    if (file === undefined) throw missing(keyId)
    return file
  }

  #open (keyId: string): Promise<TreeFile | undefined> {
    const file = this.#files.get(keyId)
    if (file !== undefined) return Promise.resolve(file)
    let opening = this.#opening.get(keyId)
    if (opening === undefined) {
      opening = TreeFile.open(this.#pathOf(keyId)).then(opened => {
        if (opened !== undefined) this.#files.set(keyId, opened)
        return opened
      }).finally(() => this.#opening.delete(keyId))
      this.#opening.set(keyId, opening)
    }
    return opening
  }

  #pathOf (keyId: string): string {
    return join(this.#directory, nameOf(keyId))
  }

  async #explained<T> (keyId: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (cause) {
      if (cause instanceof GatewayError) throw cause
      throw new GatewayError('unavailable', `the tree of the key '${keyId}' in shred/ cannot be used${fileProblem(cause)}`, { cause })
    }
  }
}

function coverIn (file: TreeFile, keyId: string, leaf: string): WrappedNode | undefined {
  const node = file.cover(leaf)
  if (node === undefined && !file.isWhole) throw new GatewayError('internal', `the tree of the key '${keyId}' in shred/ is damaged`)
  return node
}

const nameOf = (keyId: string) => `${keyId}.tree`

const missing = (keyId: string) => new GatewayError(
  'unavailable',
  `the tree of the key '${keyId}' is missing in shred/: put it back; where it is lost for ever, see that there is a directory shred/, and seal with another key by: npm run keys -- rotate`
)

const isThere = (path: string): Promise<boolean> => stat(path).then(() => true, error => {
  if (isAbsent(error)) return false
  throw error
})
