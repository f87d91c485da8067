import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, readdir, stat } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { syncDirectory } from '../../../files/durable-file.js'
import type { BackedUpFile } from './contents.js'
import { about, type Steps } from './copy-file.js'

/** The files in `directory` and below, as a backup names them. */
export async function filesIn (directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter(entry => !entry.isDirectory())
  return files.map(({ parentPath, name }) => relative(directory, join(parentPath, name)).split(sep).join('/')).sort()
}

/** Makes all that is in `directory` durable, and answers what it is. */
export async function sumUp (directory: string, steps: Steps): Promise<BackedUpFile[]> {
  const summed: BackedUpFile[] = []
  const paths = await filesIn(directory)
  steps.begin('summing  ', paths.length)
  for (const path of paths) {
    const file = join(directory, path)
    summed.push(await about(file, async () => {
      await sync(file)
      const hash = createHash('sha256')
      for await (const chunk of createReadStream(file)) hash.update(chunk)
      return { path, size: (await stat(file)).size, sha256: hash.digest('hex') }
    }))
    steps.add(1)
  }
  steps.end()
  await syncDirectories(directory, paths)
  return summed
}

/** Makes durable that `paths` are in `directory`, and itself. */
export async function syncDirectories (directory: string, paths: readonly string[]): Promise<void> {
  const directories = [...paths.map(path => dirname(join(directory, path))), directory, dirname(directory)]
  for (const each of new Set(directories)) await syncDirectory(each)
}

async function sync (file: string): Promise<void> {
  const handle = await open(file, 'r')
  await handle.sync().finally(() => handle.close())
}
