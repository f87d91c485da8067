import { leaseOf, ttlOf, type Content } from './content.js'

/** A request that makes a context. */
export interface Creation {
  readonly content: Content
  readonly path: 'create' | 'apply'
  /** The name of who sends it. */
  readonly by: string
  readonly key?: string
}

/** What a context was, or is. */
export interface Version {
  readonly id: string
  readonly previous?: string
  readonly message?: string
  /** The name of who made it. */
  readonly by: string
  readonly time: number
  /** Those values that are others than in the content. */
  readonly secrets: Readonly<Record<string, string>>
  /** Until when it can be read once another has taken its place. */
  until: number
}

/** A context that was made, whether it is still there or not. */
export interface Context {
  readonly id: string
  readonly content: Content
  /** The name of who made it. */
  readonly creator: string
  readonly createTime: number
  /** Beyond which it lives never. */
  readonly expireTime: number
  /** Until when it lives, unless a heartbeat comes. */
  end: number
  /** The first one first; the last is the one that it has. */
  readonly versions: Version[]
  /** The run token that is in force. */
  token?: string
}

/** A call with an idempotency key, as it was made first. */
export interface Call {
  readonly creation: Creation
  readonly context: Context
  readonly end: number
}

const DAY_MS = 24 * 3_600_000

/**
 * What a gateway is to do, as a few maps in memory. Of what has expired it knows whether it was swept: what was not is there
 * again where the clock goes back.
 */
export class Model {
  now: number
  /** All that were ever made, oldest first. */
  readonly made: Context[] = []
  /** All run tokens that were ever given, of which most are void. */
  readonly tokens: string[] = []
  /** All calls with an idempotency key that ever made a context. */
  readonly named: Creation[] = []
  readonly #contexts = new Set<Context>()
  readonly #calls = new Map<string, Call>()
  /** How far the clock may go back: to where none is there again whose slug another has taken meanwhile. */
  #earliest = 0
  #lastVersionEnd = 0

  constructor (now: number) {
    this.now = now
  }

  /** Those that are there, newest first. */
  get live (): Context[] {
    return [...this.#contexts].filter(({ end }) => end > this.now).sort((a, b) => a.id < b.id ? 1 : -1)
  }

  /** Those that were neither removed nor swept, also where they have expired. */
  get kept (): ReadonlySet<Context> {
    return this.#contexts
  }

  isLive (context: Context): boolean {
    return this.#contexts.has(context) && context.end > this.now
  }

  bySlug (slug: string): Context | undefined {
    return this.live.find(({ content }) => content.slug === slug)
  }

  /** What `token` opens. */
  byToken (token: string): Context | undefined {
    return this.live.find(context => context.token === token)
  }

  /** The first of the calls that are this one, while it is remembered: a key is its caller's own, and its operation's. */
  callOf (creation: Creation): Call | undefined {
    const call = this.#calls.get(nameOf(creation))
    return call !== undefined && call.end > this.now ? call : undefined
  }

  /** Adds what a request has made. */
  add (id: string, creation: Creation): Context {
    const { content, by: creator, key } = creation
    for (const other of this.#contexts) {
      if (!this.isLive(other) && other.content.slug === content.slug) this.#earliest = Math.max(this.#earliest, other.end)
    }
    const expireTime = this.now + ttlOf(content)
    const end = Math.min(expireTime, this.now + (leaseOf(content) ?? Infinity))
    const first = { id: id.replace('exec', 'ver'), by: creator, time: this.now, secrets: {}, until: Infinity }
    const context: Context = { id, content, creator, createTime: this.now, expireTime, end, versions: [first] }
    this.made.push(context)
    this.#contexts.add(context)
    if (key !== undefined) {
      this.named.push(creation)
      this.#calls.set(nameOf(creation), { creation, context, end: Math.max(expireTime, this.now + DAY_MS) })
    }
    return context
  }

  /** From now on `token` opens the context, and nothing else does. */
  entrust (context: Context, token: string): void {
    context.token = token
    this.tokens.push(token)
  }

  /** Puts off the end of a context that has a lease. */
  renew (context: Context): void {
    context.end = Math.min(Math.max(this.now + leaseOf(context.content)!, context.end), context.expireTime)
  }

  /** Has the context get another version; the one before can be read for some milliseconds. */
  rotate (context: Context, version: Omit<Version, 'time' | 'until'>, graceMs: number): void {
    const before = context.versions.at(-1)!
    before.until = Math.min(this.now + graceMs, context.expireTime)
    this.#lastVersionEnd = Math.max(this.#lastVersionEnd, before.until)
    context.versions.push({ ...version, time: this.now, until: Infinity })
  }

  remove (context: Context): void {
    this.#contexts.delete(context)
  }

  sweep (): void {
    // Once it is swept it is not there again where the clock goes back.
    for (const { versions } of this.made) for (const version of versions) if (version.until <= this.now) version.until = -Infinity
    for (const context of this.#contexts) if (!this.isLive(context)) this.#contexts.delete(context)
    for (const [name, { end }] of this.#calls) if (end <= this.now) this.#calls.delete(name)
  }

  /** The end of the context, or of the call, that is the next to end. */
  nextEnd (of: 'context' | 'call'): number | undefined {
    const ends = [...of === 'context' ? this.#contexts : this.#calls.values()].map(({ end }) => end)
    return ends.filter(end => end > this.now).sort((a, b) => a - b)[0]
  }

  /** The end of the context that was the last to expire, and was not swept. */
  get lastEnd (): number | undefined {
    return [...this.#contexts].map(({ end }) => end).filter(end => end <= this.now).sort((a, b) => b - a)[0]
  }

  /** When nothing is left of all that is kept. */
  get endOfAll (): number {
    return Math.max(this.now, this.#lastVersionEnd, ...[...this.#contexts, ...this.#calls.values()].map(({ end }) => end))
  }

  /** Sets the clock, but not back to where one would be there again whose slug another has taken. */
  setTime (time: number): void {
    this.now = Math.max(this.#earliest, time)
  }
}

const nameOf = ({ path, by, key }: Creation) => `${path} ${by} ${key}`
