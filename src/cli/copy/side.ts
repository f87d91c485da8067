import { statSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { systemClock } from '../../clock.js'
import type { Engine, EngineConfig } from '../../engines/engine.js'
import { openEngine } from '../../engines/open-engine.js'
import { GatewayError } from '../../errors.js'
import { placesIn } from '../../config/places.js'
import type { KeyRows } from '../../secrets/key-row.js'
import { keysFrom } from '../../secrets/keys.js'
import type { WrappedNode } from '../../secrets/tree-node.js'
import type { Page, StoredRecord } from '../../storage/store.js'
import { RING_NOTE_KIND } from '../../upkeep/tell-of-ring.js'
import { inWordsOf, type SideName } from './in-words-of.js'
import { isThereAlone } from './is-there-alone.js'

// What one page may hold: most records are small, and some a thousand times as large.
const MOST_RECORDS = 200
const MOST_BYTES = 8 * 1024 * 1024

/** One side of a copy. What its methods throw says which side, by the options of the command. */
export class Side {
  readonly name: SideName
  readonly #config: EngineConfig
  readonly #engine: Engine
  /** How many records the next page may have, by what those of the page before were. */
  #limit = 10

  private constructor (name: SideName, config: EngineConfig, engine: Engine) {
    this.name = name
    this.#config = config
    this.#engine = engine
  }

  /**
   * Opens what `config` names, which no gateway may have open; a target is made where it is absent.
   * @throws `failed_precondition` where a gateway has it open, `not_found` where a source is absent, or as engines do
   */
  static async open (name: SideName, config: EngineConfig, warn: (message: string) => void): Promise<Side> {
    const engine = inWordsOf(name, async () => {
      if (config.databaseUrl === undefined) {
        if (name === 'from' && !isThere(placesIn(config.dataDir).database)) throw absent('it is not the data directory of a gateway')
      } else if (!await isThereAlone(config.databaseUrl) && name === 'from') {
        throw absent('the database has no such schema, or nothing of a gateway in it')
      }
      return openEngine(config, systemClock, warn)
    })
    return new Side(name, config, await engine)
  }

  /** @throws `failed_precondition` where a gateway has come meanwhile, which a directory does not let in */
  assertAlone (): Promise<void> {
    return this.#told(async () => {
      const { databaseUrl, gatewayName } = this.#config
      if (databaseUrl !== undefined) await isThereAlone(databaseUrl, gatewayName)
    })
  }

  /** The kinds that are copied. */
  kinds = (): Promise<ReadonlySet<string>> => this.#told(async () => {
    const kinds = new Set(await this.#engine.store.kinds())
    kinds.delete(RING_NOTE_KIND)
    return kinds
  })

  keysInUse = (): Promise<ReadonlySet<string>> => this.#told(() => this.#engine.store.keysInUse())

  /** The records of the kind behind `cursor`, as many as fit into little memory; those with the greatest ids first. */
  async page (kind: string, cursor: string | undefined): Promise<Page> {
    const page = await this.#told(() => this.#engine.store.page(kind, {}, cursor, this.#limit))
    const bytes = page.records.reduce((sum, { body }) => sum + body.length, 1)
    this.#limit = Math.min(MOST_RECORDS, Math.ceil(MOST_BYTES * Math.max(1, page.records.length) / bytes))
    return page
  }

  find = (kind: string, id: string): Promise<StoredRecord | undefined> => this.#told(() => this.#engine.store.find(kind, id))

  insert = (record: StoredRecord): Promise<void> => this.#told(() => this.#engine.store.insert(record))

  /** The keys of its ring, in clear; `undefined` where it has none. */
  readKeys = (): Promise<KeyRows | undefined> => this.#told(async () => this.#engine.keys.read())

  /** Makes the ring of `rows`, or puts them in the place of those that are `there`. */
  putKeys (rows: KeyRows, there: KeyRows | undefined): Promise<void> {
    return this.#told(async () => {
      await this.#engine.keys.begin(there === undefined ? rows : undefined)
      if (there !== undefined && !isDeepStrictEqual(rows, there)) await this.#engine.keys.change(() => rows)
    })
  }

  /** What is wrong with what it holds as a whole, which `keys` prove; `undefined` where nothing is, or the engine looks after that itself. */
  findProblem = (keys: KeyRows): Promise<string | undefined> => this.#told(async () => {
    const { integrity } = this.#engine
    if (integrity === undefined || keys.length === 0) return undefined
    try {
      const problem = await integrity.prove(keysFrom(keys), async () => false)
      return problem ?? ((await integrity.check()).isWhole ? undefined : 'it does not hold what was committed last')
    } catch (error) {
      return GatewayError.from(error).message
    }
  })

  /** Has what it holds be what it should hold, proved by `keys`. */
  accept = (keys: KeyRows): Promise<void> => this.#told(async () => {
    if (keys.length > 0) await this.#engine.integrity?.accept(keysFrom(keys), [])
  })

  /** The nodes of a key's tree; `undefined` where it has none. */
  readTree = (keyId: string): Promise<readonly WrappedNode[] | undefined> => this.#told(() => this.#engine.trees.all(keyId))

  beginTree = (keyId: string, nodes: readonly WrappedNode[]): Promise<void> => this.#told(() => this.#engine.trees.begin(keyId, nodes))

  replaceNodes (keyId: string, removed: readonly WrappedNode[], added: readonly WrappedNode[]): Promise<boolean> {
    return this.#told(() => this.#engine.trees.replace(keyId, removed.map(({ path }) => path), added))
  }

  close = (): Promise<void> => this.#told(() => this.#engine.close())

  #told<T> (work: () => Promise<T>): Promise<T> {
    return inWordsOf(this.name, work)
  }
}

/** What cannot be looked at is told when it is opened. */
function isThere (path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined
  } catch {
    return true
  }
}

const absent = (what: string) => new GatewayError('not_found', `${what}: there is nothing to copy`)
