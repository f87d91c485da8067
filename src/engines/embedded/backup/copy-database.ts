import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isAbsent } from '../../../files/file-problem.js'
import { makeDirectory } from '../../../files/make-directory.js'
import { about, share, type Steps } from './copy-file.js'
import { versionIn } from '../level/manifest.js'

// Each has less to copy than the one before.
const MOST_PASSES = 50

/**
 * Copies a database that another process may write to, as it was after one of its commits: no lock is taken. Its tables never change, logs
 * and manifests are only added to, and a file goes when a newer manifest has it no more: then the copy begins anew, and
 * keeps the tables that it has.
 */
export class DatabaseCopy {
  readonly #from: string
  readonly #to: string
  /** What is there of them; others would be what a look into the copy has made. */
  readonly #tables = new Set<string>()

  constructor (from: string, to: string) {
    this.#from = from
    this.#to = to
  }

  /** Has the copy be of now. What was acknowledged before is in it. @throws `unavailable` that names a file */
  async make (steps: Steps): Promise<void> {
    await makeDirectory(this.#to)
    for (let pass = 1; ; pass++) {
      try {
        return await this.#make(steps)
      } catch (error) {
        if (!isAbsent(error) || pass === MOST_PASSES) throw error
      } finally {
        steps.end()
      }
    }
  }

  async #make (steps: Steps): Promise<void> {
    for (const name of await readdir(this.#to)) if (!this.#tables.has(name)) await rm(join(this.#to, name))
    const current = await readFile(join(this.#from, 'CURRENT'), 'utf8')
    const manifest = await this.#read(current.trim())
    const { tables, log } = versionIn(manifest)
    const names = await readdir(this.#from)
    const older = new Set(names.filter(name => name.endsWith('.sst')))
    const kept = new Set([...tables].map(number => older.has(nameOf(number, 'sst')) ? nameOf(number, 'sst') : nameOf(number, 'ldb')))
    await this.#removeOthers(kept)

    const missing = [...kept].filter(name => !this.#tables.has(name))
    steps.begin('copying  ', missing.length)
    for (const name of missing) {
      await share(join(this.#from, name), join(this.#to, name))
      this.#tables.add(name)
      steps.add(1)
    }
    // Of those that were there when they were listed all but the last are complete.
    const later = names.filter(name => name.endsWith('.log') && numberOf(name) > log).sort((a, b) => numberOf(a) - numberOf(b))
    for (const name of [nameOf(log, 'log'), ...later]) await this.#write(name, await this.#read(name))
    await this.#write(current.trim(), manifest)
    await this.#write('CURRENT', current)
  }

  async #removeOthers (kept: ReadonlySet<string>): Promise<void> {
    for (const name of this.#tables) {
      if (kept.has(name)) continue
      await rm(join(this.#to, name), { force: true })
      this.#tables.delete(name)
    }
    // A look into the copy merges some, and removes them.
    const there = new Set(await readdir(this.#to))
    for (const name of this.#tables) if (!there.has(name)) this.#tables.delete(name)
  }

  #read (name: string): Promise<Buffer> {
    const file = join(this.#from, name)
    return about(file, () => readFile(file))
  }

  #write (name: string, content: string | Buffer): Promise<void> {
    const file = join(this.#to, name)
    return about(file, () => writeFile(file, content, { mode: 0o600 }))
  }
}

const numberOf = (name: string) => Number.parseInt(name, 10)
const nameOf = (number: number, ending: string) => `${String(number).padStart(6, '0')}.${ending}`
