import type { KeyObject } from 'node:crypto'
import { lstatSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { whileLocked } from '../../../files/durable-file.js'
import { GatewayError } from '../../../errors.js'
import { fileProblem } from '../../../files/file-problem.js'
import { makeDirectory } from '../../../files/make-directory.js'
import type { KeyRows } from '../../../secrets/key-row.js'
import type { RingStore } from '../../../secrets/ring-store.js'
import { parseRing, renderRing, UnusableRing } from './ring-codec.js'

/** The file that a ring is in, wrapped where there is a root key; several processes may use it. What its methods throw names the file. */
export class RingFile implements RingStore {
  readonly #path: string
  readonly #rootKey: KeyObject | undefined
  #identity: string | undefined

  constructor (path: string, rootKey?: KeyObject) {
    this.#path = path
    this.#rootKey = rootKey
  }

  read (): Promise<KeyRows | undefined> {
    return this.#explained(async () => isAbsent(this.#path) ? undefined : this.#read().rows)
  }

  begin (first: KeyRows | undefined): Promise<void> {
    return this.#explained(async () => {
      if (first !== undefined && isAbsent(this.#path)) await this.#create(first)
      assertProved(this.#read())
    })
  }

  /** Wraps by the root key a ring that is in clear: somebody has to say that it is the right one. @throws `unavailable` */
  wrap (): Promise<void> {
    return this.#explained(() => this.#change(rows => rows, () => {}))
  }

  /** Has `rootKey` wrap the ring from now on: whoever uses it must have that one then. @throws `unavailable` */
  rewrap (rootKey: KeyObject): Promise<void> {
    return this.#explained(() => whileLocked(linkedTo(this.#path), async replace => {
      const found = this.#read()
      assertProved(found)
      await replace(renderRing(found.rows, rootKey))
    }))
  }

  change (edit: (rows: KeyRows) => KeyRows): Promise<void> {
    return this.#explained(() => this.#change(edit, assertProved))
  }

  #change (edit: (rows: KeyRows) => KeyRows, assert: (found: Found) => void): Promise<void> {
    return whileLocked(linkedTo(this.#path), async replace => {
      const found = this.#read()
      assert(found)
      const edited = edit(found.rows)
      if (edited === found.rows && found.isAsItShouldBe) return
      await replace(renderRing(edited, this.#rootKey))
    })
  }

  readIfChanged (): KeyRows | undefined {
    try {
      const identity = identityOf(this.#path)
      if (identity !== undefined && identity === this.#identity) return undefined
      const found = this.#read()
      assertProved(found)
      this.#identity = identity
      return found.rows
    } catch (error) {
      this.#identity = undefined
      throw this.#problem(error)
    }
  }

  async #create (rows: KeyRows): Promise<void> {
    await makeDirectory(dirname(this.#path))
    await whileLocked(this.#path, async replace => {
      if (isAbsent(this.#path)) await replace(renderRing(rows, this.#rootKey))
    })
  }

  #read (): Found {
    if (identityOf(this.#path) === undefined) {
      throw new UnusableRing(
        'is missing: put it back; where it is lost for ever, make another with: npm run keys -- begin'
      )
    }
    const { rows, wrapped } = parseRing(readFileSync(this.#path, 'utf8'), this.#rootKey)
    return { rows, isAsItShouldBe: wrapped === (this.#rootKey !== undefined) }
  }

  async #explained<T> (work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw this.#problem(error)
    }
  }

  #problem (error: unknown): unknown {
    const unavailable = (problem: string, cause?: Error) => new GatewayError(
      'unavailable',
      `the key ring ${this.#path} ${problem}`,
      { cause }
    )
    if (error instanceof UnusableRing) return unavailable(error.message)
    if (error instanceof Error && 'syscall' in error) {
      return unavailable(
      `cannot be used${fileProblem(error)}; the gateway must be able to read and replace it, and ECTX_KEYRING_FILE says where it is`,
      error
      )
    }
    return error
  }
}

interface Found {
  readonly rows: KeyRows
  /** Whether it is wrapped just where there is a root key. */
  readonly isAsItShouldBe: boolean
}

/** In clear, where there is a root key, anybody may have made it who can write there. */
function assertProved ({ isAsItShouldBe }: Found): void {
  if (isAsItShouldBe) return
  throw new UnusableRing('is in clear though there is a root key: if it is the one of before, wrap it with: npm run keys -- wrap')
}

/** A link stays one: what it points to is where it is for a reason. */
function linkedTo (path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

// A link to nothing is there: what it should lead to may only not be mounted.
const isAbsent = (path: string) => lstatSync(path, { throwIfNoEntry: false }) === undefined

/** What tells this version of the file from every other; `undefined` where there is none. */
function identityOf (path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return found && `${found.dev} ${found.ino} ${found.size} ${found.mtimeNs}`
}
