import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isAbsent } from '../../../files/file-problem.js'
import { makeDirectory } from '../../../files/make-directory.js'
import { settle } from '../trees/settle.js'
import { about } from './copy-file.js'

const ENDING = '.tree'
const MOST_READS = 100

/** The keys that have a tree in `directory`. */
export async function treesIn (directory: string): Promise<ReadonlySet<string>> {
  const names = await readdir(directory).catch((error): string[] => {
    if (isAbsent(error)) return []
    throw error
  })
  return new Set(names.filter(name => name.endsWith(ENDING)).map(name => name.slice(0, -ENDING.length)))
}

/** Copies all trees, each as it was at one moment, while another process may shred something. */
export async function copyTrees (from: string, to: string): Promise<void> {
  await makeDirectory(to)
  for (const keyId of await treesIn(from)) {
    const target = join(to, keyId + ENDING)
    await about(target, async () => writeFile(target, await readTree(join(from, keyId + ENDING)), { mode: 0o600 }))
  }
}

/**
 * While nodes are overwritten one reads neither those of before nor those of after: that shows, since a tree says how many leaves are
 * shredded. One that is so whenever it is read is damaged, and copied as it is.
 */
async function readTree (file: string): Promise<Buffer> {
  for (let read = 1; ; read++) {
    const tree = await about(file, () => readFile(file))
    if (settle(tree).isWhole || read === MOST_READS) return tree
  }
}
