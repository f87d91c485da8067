import { systemClock } from '../clock.js'
import { GatewayError } from '../errors.js'

const LOOK_MS = 1_000
/** So many looks apart it is asked whether a stream may go on. */
const ASK_EVERY = 5

/** An answer that goes on until something ends it. */
export interface OpenStream {
  /** Whether who follows it still may, and there is what it follows. @throws `unauthenticated` where not, either */
  mayGoOn (): Promise<boolean>
  /** Called once a second, with the milliseconds of a monotonic clock. */
  look (now: number): void
  /** Ends it; the client may come again, to this gateway or another. */
  end (): void
}

/** All that is open, looked after by one timer. */
export class OpenStreams {
  readonly #open = new Map<OpenStream, { readonly turn: number, isAsked: boolean }>()
  #looks = 0
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  /** Looks after it until `remove` is called. */
  add (stream: OpenStream): void {
    if (this.#isClosed) return stream.end()
    // Not all are asked at once.
    this.#open.set(stream, { turn: this.#open.size % ASK_EVERY, isAsked: false })
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS).unref()
  }

  remove (stream: OpenStream): void {
    this.#open.delete(stream)
    if (this.#open.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** Ends all, and each that comes. */
  close (): void {
    this.#isClosed = true
    for (const stream of this.#open.keys()) stream.end()
  }

  #look (): void {
    const now = systemClock.monotonic()
    const turn = this.#looks++ % ASK_EVERY
    for (const [stream, state] of this.#open) {
      stream.look(now)
      if (state.turn !== turn || state.isAsked) continue
      state.isAsked = true
      mayGoOn(stream).then(may => {
        state.isAsked = false
        if (!may && this.#open.has(stream)) stream.end()
      }, () => {})
    }
  }
}

const NO_LONGER: ReadonlySet<string> = new Set(['unauthenticated', 'permission_denied'])

/** Where that cannot be found out now, it is asked again. */
const mayGoOn = (stream: OpenStream): Promise<boolean> =>
  stream.mayGoOn().catch(error => !NO_LONGER.has(GatewayError.from(error).code))
