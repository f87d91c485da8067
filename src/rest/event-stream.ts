import type { FastifyReply } from 'fastify'
import { cloudEvent, LOST } from '../events/cloud-event.js'
import type { EventStream } from '../events/event-stream.js'
import type { ToldEvent } from '../events/subscription.js'
import type { OpenStream } from '../server/open-streams.js'

/** How events are written one after the other. */
export interface StreamForm {
  readonly contentType: string
  /** Before all events: so the client sees that it is connected. */
  readonly begin: string
  event (told: ToldEvent): string
  /** What changes nothing, and shows that the connection works. */
  readonly beat: string
  /** Behind the last, where there will be no more. */
  readonly end: string
  /** Behind the last, where the client is to come again. */
  readonly again: string
}

/** Server-sent events, as the HTML standard has them. */
export const SERVER_SENT_EVENTS: StreamForm = {
  contentType: 'text/event-stream; charset=utf-8',
  begin: ': events follow\n\n',
  event: told => `id: ${told.position}\nevent: ${told.event?.type ?? LOST}\ndata: ${cloudEvent(told)}\n\n`,
  beat: ':\n\n',
  end: 'event: end\ndata: {}\n\n',
  again: 'retry: 1000\n\n'
}

/** A line of JSON for each event, and empty ones. */
export const JSON_LINES: StreamForm = {
  contentType: 'application/x-ndjson; charset=utf-8',
  begin: '',
  event: told => `${cloudEvent(told)}\n`,
  beat: '\n',
  end: '',
  again: ''
}

const BEAT_MS = 15_000
const STALL_MS = 30_000

/**
 * Writes a stream of events as the answer that `raw` is, until it ends. A client that does not read is waited for, with no more than one
 * batch kept for it, and cut off when it has taken nothing for 30 seconds.
 */
export class HttpEventStream implements OpenStream {
  readonly #raw: FastifyReply['raw']
  readonly #form: StreamForm
  readonly #stream: EventStream
  readonly #mayCall: () => Promise<boolean>
  #isEnding = false
  #isGone = false
  #beaten: number | undefined
  #unread = { bytes: 0, since: 0 }

  constructor (raw: FastifyReply['raw'], form: StreamForm, stream: EventStream, mayCall: () => Promise<boolean>) {
    this.#raw = raw
    this.#form = form
    this.#stream = stream
    this.#mayCall = mayCall
  }

  /** Resolves when the answer is written, or nobody wants it any more. */
  async run (): Promise<void> {
    const { subscription } = this.#stream
    this.#raw.once('close', () => subscription.close())
    try {
      await this.#write(this.#form.begin)
      while (!this.#raw.destroyed) {
        const events = await subscription.next()
        if (events.length === 0) break
        await this.#write(events.map(told => this.#form.event(told)).join(''))
      }
      if (!this.#isEnding) this.#send(this.#form.end)
    } catch {
      // Who comes again is told why.
      this.#send(this.#form.again)
    }
    subscription.close()
    this.#raw.end()
  }

  async mayGoOn (): Promise<boolean> {
    if (!await this.#mayCall()) return false
    this.#isGone = !await this.#stream.isThere()
    return !this.#isGone
  }

  look (now: number): void {
    const bytes = this.#raw.writableLength
    if (bytes === 0 || bytes !== this.#unread.bytes) this.#unread = { bytes, since: now }
    if (now - this.#unread.since >= STALL_MS) this.#raw.destroy()
    this.#beaten ??= now
    if (bytes > 0 || now - this.#beaten < BEAT_MS) return
    this.#beaten = now
    this.#send(this.#form.beat)
  }

  end (): void {
    if (this.#isEnding) return
    this.#isEnding = true
    this.#send(this.#isGone ? this.#form.end : this.#form.again)
    this.#stream.subscription.close()
  }

  /** Answers whether there is room for more, or nobody is there to wait for. */
  #send (text: string): boolean {
    return text === '' || this.#raw.destroyed || this.#raw.writableEnded || this.#raw.write(text)
  }

  /** Resolves when the client has taken enough of it for more. */
  async #write (text: string): Promise<void> {
    if (this.#send(text)) return
    await new Promise<void>(resolve => {
      const go = () => {
        this.#raw.off('drain', go).off('close', go)
        resolve()
      }
      this.#raw.on('drain', go).on('close', go)
    })
  }
}
