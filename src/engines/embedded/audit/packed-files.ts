import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { listAll } from './files.js'
import { PackedFile } from './packed-file.js'

// What is known of each takes some 50 KB.
const MOST_KNOWN = 64

/** The packed files of the log in a directory. */
export class PackedFiles {
  readonly #directory: string
  readonly #known = new Map<string, Promise<PackedFile>>()

  constructor (directory: string) {
    this.#directory = directory
  }

  /** @throws where it is absent or damaged */
  open (name: string): Promise<PackedFile> {
    const known = this.#known.get(name) ?? PackedFile.open(join(this.#directory, name))
    known.catch(() => this.forget(name))
    // Those that were used last stay.
    this.#known.delete(name)
    this.#known.set(name, known)
    const [oldest] = this.#known.keys()
    if (this.#known.size > MOST_KNOWN) this.forget(oldest!)
    return known
  }

  forget (name: string): void {
    this.#known.delete(name)
  }
}

/** Ends what a crash has left of packing in `directory`: of a file that is there both ways the packed one stays where it is whole. */
export async function settlePacking (directory: string): Promise<void> {
  const names = new Set((await listAll(directory)).map(({ name }) => name))
  for (const name of names) {
    if (!names.has(`${name}.z`)) continue
    const isWhole = await PackedFile.open(join(directory, `${name}.z`)).then(() => true, () => false)
    await rm(join(directory, isWhole ? name : `${name}.z`), { force: true })
  }
}
