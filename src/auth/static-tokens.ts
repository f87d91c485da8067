import { hash, timingSafeEqual } from 'node:crypto'
import { systemClock, type Clock } from '../clock.js'
import type { Caller } from './caller.js'
import { tokenEntries, type TokenEntry } from './token-entries.js'
import { parseJson } from '../files/parse-json.js'
import { WatchedFile, type Watching } from '../files/watched-file.js'

interface KnownToken {
  readonly digest: Uint8Array
  readonly expiresAt: number
  readonly caller: Caller
}

/**
 * The tokens that a file names by their SHA-256. A changed file is in force within a second (`checkEveryMs`); a broken
 * one leaves the entries as they were, and `onProblem` hears of it.
 */
export class StaticTokens {
  readonly #known: WatchedFile<readonly KnownToken[]>
  readonly #clock: Clock

  private constructor (known: WatchedFile<readonly KnownToken[]>, clock: Clock) {
    this.#known = known
    this.#clock = clock
  }

  /** @throws {GatewayError} that says what is wrong with the file */
  static async open (file: string, watching: Watching = {}): Promise<StaticTokens> {
    const take = (text: string) => tokenEntries(parseJson(text)).map(known)
    return new StaticTokens(new WatchedFile(file, take, watching), watching.clock ?? systemClock)
  }

  /** Who holds `token`, unless it has expired. How long the answer takes tells nothing of which entry came near. */
  find (token: string): Caller | undefined {
    const digest = hash('sha256', token, 'buffer')
    let found: KnownToken | undefined
    for (const entry of this.#known.current) {
      if (timingSafeEqual(entry.digest, digest)) found = entry
    }
    return found !== undefined && this.#clock.now() < found.expiresAt ? found.caller : undefined
  }
}

const known = ({ name, sha256, role, expires_at: expiresAt }: TokenEntry): KnownToken => ({
  digest: Buffer.from(sha256, 'hex'),
  expiresAt: expiresAt === undefined ? Infinity : Date.parse(expiresAt),
  caller: Object.freeze({ kind: 'token', name, role })
})
