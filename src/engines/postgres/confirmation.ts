import type pg from 'pg'
import { cut, type Host } from './host.js'
import { BARRIER } from './barrier.js'

/** How long a commit may wait for the standby before that counts as lost. */
const CONFIRM_MS = 1_500

/** Whether the synchronous standby of a primary confirms its commits: that of an old one, which was promoted, does not. */
export class Confirmation {
  #client: pg.Client | undefined
  #round = 0
  #isAsking = false
  #isMissing = false

  get isMissing (): boolean {
    return this.#isMissing
  }

  /** Has a commit made at `host`, unless one waits yet. Calls `missing` where it is not confirmed soon; it may be later. */
  ask (host: Host, missing: () => void): void {
    if (this.#isAsking) return
    this.#isAsking = true
    const round = ++this.#round
    const timer = setTimeout(() => {
      if (round !== this.#round) return
      this.#isMissing = true
      missing()
    }, CONFIRM_MS).unref()
    this.#commit(host, round).catch(() => {}).finally(() => {
      clearTimeout(timer)
      if (round === this.#round) this.end()
    })
  }

  /** Nobody need wait for it any more. */
  end (): void {
    this.#round++
    this.#isAsking = false
    this.#isMissing = false
    if (this.#client !== undefined) cut(this.#client)
    this.#client = undefined
  }

  async #commit (host: Host, round: number): Promise<void> {
    const client = await host.connect()
    if (round !== this.#round) return cut(client)
    this.#client = client
    await client.query(BARRIER)
  }
}
