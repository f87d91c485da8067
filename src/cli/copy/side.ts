import { statSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { systemClock } from '../../clock.js'
import type { Engine, EngineConfig } from '../../engines/engine.js'
import { openEngine } from '../../engines/open-engine.js'
import { gatewaysAt } from '../../engines/postgres/presence.js'
import { GatewayError } from '../../errors.js'
import { placesIn } from '../../config/places.js'
import type { KeyRows } from '../../secrets/key-row.js'
import type { Page, StoredRecord } from '../../storage/store.js'

export type SideName = 'from' | 'to'

// What one page may hold: most records are small, and some a thousand times as large.
const MOST_RECORDS = 200
const MOST_BYTES = 8 * 1024 * 1024

/** One side of a copy. What its methods throw says which side, by the options of the command. */
export class Side {
  readonly name: SideName
  readonly #engine: Engine
  /** How many records the next page may have, by what those of the page before were. */
  #limit = 10

  private constructor (name: SideName, engine: Engine) {
    this.name = name
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
      } else {
        const gateways = await gatewaysAt(config.databaseUrl)
        if (gateways === undefined && name === 'from') throw absent('the database has no such schema, or nothing of a gateway in it')
        if (gateways !== undefined && gateways.length > 0) throw inUse(gateways)
      }
      return openEngine(config, systemClock, warn)
    })
    return new Side(name, await engine)
  }

  kinds = (): Promise<ReadonlySet<string>> => this.#told(() => this.#engine.store.kinds())

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

  close = (): Promise<void> => this.#told(() => this.#engine.close())

  #told<T> (work: () => Promise<T>): Promise<T> {
    return inWordsOf(this.name, work)
  }
}

/** Does `work`, whose refusals speak of the variables of a gateway: here the options of the side stand for these. */
async function inWordsOf<T> (side: SideName, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    const { cause } = error
    const text = error.message.replaceAll('ECTX_ROOT_KEY_FILE', `--${side}-root-key-file`)
      .replaceAll(/ECTX_STORE|ECTX_DATA_DIR/g, `--${side}`)
      // There is no log: the code says enough, and no more than may be said.
      .replace(/[;,] (?:and see )?the log (?:for|has) its reason/, cause instanceof Error && 'code' in cause ? ` (${cause.code})` : '')
    throw new GatewayError(error.code, text.startsWith('--') ? text : `--${side}: ${text}`, { cause: error, existingId: error.existingId })
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
const inUse = (gateways: readonly string[]) => new GatewayError(
  'failed_precondition',
  `open by ${gateways.map(name => `'${name}'`).join(', ')}: stop all gateways, and other copies, first`
)
