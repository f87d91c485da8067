import type pg from 'pg'
import { systemClock } from '../../clock.js'
import { closed } from '../../storage/refusals.js'
import { Confirmation } from './confirmation.js'
import { isTransient, NoPrimary, TakesTooLong } from './failures.js'
import { findPrimary } from './find-primary.js'
import { cut, Host, soon, timelineOf } from './host.js'
import type { PostgresPlace } from './postgres-url.js'

const WATCH_MS = 1_000
const TELL_EVERY_MS = 10_000
/** How long a statement may be silent before its server is asked whether it is still there. */
const SILENT_MS = 1_000

/**
 * The server that takes writes, of the hosts of a place, and all connections of a gateway to it. Once a timeline was seen, no primary
 * of a lower one is taken again: that is an old one, which came back. Of several hosts, each is asked every second: when one was
 * promoted, all connections to the one before are cut, so nothing is read there for longer than that; nor is it where nobody can tell.
 */
export class Primary {
  readonly schema: string
  readonly #hosts: readonly Host[]
  readonly #warn: (message: string, reason?: unknown) => void
  readonly #clients = new Map<pg.Client, Host>()
  /** Those that were cut since an answer took too long. */
  readonly #slow = new WeakSet<pg.Client>()
  #host: Host | undefined
  #timeline = ''
  #finding: Promise<Host> | undefined
  #watch: NodeJS.Timeout | undefined
  readonly #confirmation = new Confirmation()
  readonly #told = new Map<string, number>()
  #closed = false

  constructor ({ urls, schema }: PostgresPlace, warn: (message: string, reason?: unknown) => void = () => {}) {
    this.schema = schema
    this.#hosts = urls.map(url => new Host(url))
    this.#warn = warn
    if (this.#hosts.length === 1) this.#host = this.#hosts[0]
  }

  /** A new connection to it. Rejects with what stands in the way, where no host is a primary. */
  async connect (): Promise<pg.Client> {
    if (this.#hosts.length > 1 && !this.#closed) this.#watch ??= setInterval(() => { this.#look().catch(() => {}) }, WATCH_MS).unref()
    const host = this.#host ?? await this.#find()
    if (this.#confirmation.isMissing) throw new TakesTooLong('its standby confirms no commit')
    const client = await host.connect().catch(error => {
      this.#forget(host)
      throw error
    })
    try {
      this.#judge(host, await soon(client, timelineOf(client)))
      if (this.#closed) throw closed()
    } catch (error) {
      this.#forget(host)
      cut(client)
      throw error
    }
    this.#clients.set(client, host)
    client.on('error', error => this.lost(client, error))
    client.on('end', () => this.#clients.delete(client))
    return client
  }

  /** A connection came to a bad end: what the others would come to need not be waited for, and the primary is looked for anew. */
  lost (client: pg.Client, reason: unknown): void {
    const host = this.#clients.get(client)
    if (host === undefined) return
    this.tell('a connection to the database was lost; what can be repeated waits for another', reason)
    this.#forget(host)
    this.#cutAll()
  }

  /** Tells an operator, unless the same was told just before. */
  tell (message: string, reason: unknown): void {
    const now = systemClock.monotonic()
    if (now - (this.#told.get(message) ?? -Infinity) < TELL_EVERY_MS) return
    this.#told.set(message, now)
    this.#warn(message, reason)
  }

  /** Cuts this connection alone. */
  leave (client: pg.Client): void {
    this.#clients.delete(client)
    cut(client)
  }

  /**
   * What comes of `work` on a connection. While it is silent its server is asked each second whether it is still there and the primary:
   * where it is not, all connections are cut. Where `isTooLong` this one is, since its server is there.
   * @throws `TakesTooLong`, and what `work` throws
   */
  async watched<T> (client: pg.Client, work: () => Promise<T>, isTooLong: () => boolean = () => false): Promise<T> {
    const timer = setInterval(() => {
      if (!isTooLong()) return this.#check(client)
      this.#slow.add(client)
      this.leave(client)
    }, SILENT_MS)
    try {
      return await work()
    } catch (error) {
      if (this.#slow.has(client)) throw new TakesTooLong('no answer')
      if (isTransient(error) && !(error instanceof TakesTooLong)) this.lost(client, error)
      throw error
    } finally {
      clearInterval(timer)
    }
  }

  close (): void {
    this.#closed = true
    clearInterval(this.#watch)
    this.#confirmation.end()
    this.#cutAll()
    for (const host of this.#hosts) host.close()
  }

  #check (client: pg.Client): void {
    const host = this.#clients.get(client)
    host?.timeline().then(timeline => this.#judge(host, timeline)).catch(error => this.lost(client, error))
  }

  /**
   * Where each other host says that it is a standby nobody was promoted. Where one is silent it may have been, and the primary be the old
   * one, cut off together with this gateway: then its commits must be confirmed, or nothing is read there.
   */
  async #look (): Promise<void> {
    const host = this.#host
    const answers = await Promise.all(this.#hosts.map(each => each.timeline().then(timeline => {
      this.#saw(each, timeline)
      return true
    }, () => each === host)))
    if (host === undefined || host !== this.#host || this.#closed) return
    if (answers.every(isThere => isThere)) return this.#confirmation.end()
    this.#confirmation.ask(host, () => {
      this.tell('the primary may be an old one: its standby confirms nothing, and a host does not answer', undefined)
      this.#cutAll()
    })
  }

  #find (): Promise<Host> {
    this.#finding ??= findPrimary(this.#hosts, (host, timeline) => this.#judge(host, timeline), this.#timeline !== '')
      // Meanwhile the watch may have come upon a newer one.
      .then(host => (this.#host ??= host))
      .finally(() => { this.#finding = undefined })
    return this.#finding
  }

  /** Whether a host of that timeline is a primary that was promoted after all that were seen. @throws `NoPrimary` */
  #judge (host: Host, timeline: string | undefined): boolean {
    if (timeline === undefined) throw new NoPrimary('it is a standby')
    if (timeline < this.#timeline) throw new NoPrimary('it is an old primary: another was promoted since')
    return this.#saw(host, timeline)
  }

  /** Remembers a timeline. Where it is a newer one, its host is the primary now, and nothing is asked of another any more. */
  #saw (host: Host, timeline: string | undefined): boolean {
    if (this.#closed || timeline === undefined || timeline <= this.#timeline) return false
    const isPromotion = this.#timeline !== ''
    this.#timeline = timeline
    if (this.#host !== host) {
      this.#confirmation.end()
      this.#cutAll()
    }
    if (isPromotion) {
      this.#host = host
      this.#warn(`the primary of the database is ${host.name} now, on timeline ${timeline}`)
    }
    return true
  }

  #forget (host: Host): void {
    if (this.#host === host && this.#hosts.length > 1) this.#host = undefined
  }

  #cutAll (): void {
    for (const client of this.#clients.keys()) cut(client)
    this.#clients.clear()
  }
}
