import { hostname } from 'node:os'
import type { Sink } from '../audit/sink.js'
import type { Tell } from '../audit/unproved.js'
import type { Clock } from '../clock.js'
import { GatewayError } from '../errors.js'
import { openWire, type Wire } from './wire.js'

export interface SyslogOptions {
  /** `udp://host:port`, `tcp://host:port` or `unix:///path` of a stream socket. */
  readonly url: string
  readonly isRequired: boolean
  readonly clock: Clock
  readonly warn: Tell
  readonly retryMs?: number
  /** How many messages may wait: of more the oldest are dropped, and counted. */
  readonly mostWaiting?: number
}

interface Message {
  readonly bytes: Buffer
  readonly settle: (error?: GatewayError) => void
}

// Facility 13, log audit; severity 6, informational.
const PRIORITY = 13 * 8 + 6
const MOST_AT_ONCE = 256
const NAME = hostname().replaceAll(/[^\x21-\x7e]/g, '-').slice(0, 255) || '-'

/**
 * Sends to a syslog server (RFC 5424), each line as a message, as JSON. What is sent is in the hands of the system: that the server has it
 * is known of none. Where the connection is lost, some messages are sent again.
 */
export class Syslog implements Sink {
  readonly isRequired: boolean
  readonly #options: Required<SyslogOptions>
  readonly #wire: Wire
  #waiting: Message[] = []
  #pumping: Promise<void> | undefined
  #retry: NodeJS.Timeout | undefined
  #failure: GatewayError | undefined
  #dropped = 0

  constructor (options: SyslogOptions) {
    this.isRequired = options.isRequired
    this.#options = { retryMs: 1_000, mostWaiting: 10_000, ...options }
    this.#wire = openWire(options.url)
  }

  admit (): void {
    if (this.isRequired && this.#failure !== undefined) throw this.#failure
  }

  send (kind: 'event' | 'head', lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return Promise.resolve()
    const time = new Date(this.#options.clock.now()).toISOString()
    const messages = lines.map(line => Buffer.from(`<${PRIORITY}>1 ${time} ${NAME} ectx ${process.pid} ${kind} - ${line}`))
    const sent = new Promise<void>((resolve, reject) => {
      const settle = (error?: GatewayError) => error === undefined ? resolve() : reject(error)
      for (const [index, bytes] of messages.entries()) {
        this.#waiting.push({ bytes, settle: index === messages.length - 1 ? settle : () => {} })
      }
    })
    // Who waits for it asks.
    sent.catch(() => {})
    if (this.#failure === undefined) this.#begin()
    else this.#refuse(this.#failure)
    return sent
  }

  async close (): Promise<void> {
    this.#begin()
    await this.#pumping
    clearTimeout(this.#retry)
    this.#dropped += this.#waiting.length
    if (this.#dropped > 0) this.#options.warn(`${this.#dropped} audit events were not sent to ECTX_AUDIT_SYSLOG; the audit log has them`)
    await this.#wire.close()
  }

  #begin (): void {
    clearTimeout(this.#retry)
    this.#pumping ??= this.#pump().finally(() => { this.#pumping = undefined })
  }

  async #pump (): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, MOST_AT_ONCE)
      try {
        await this.#wire.send(batch.map(({ bytes }) => bytes))
      } catch (cause) {
        this.#fail(cause)
        return
      }
      // Some of it may have been dropped meanwhile.
      const sent = new Set(batch)
      this.#waiting = this.#waiting.filter(message => !sent.has(message))
      for (const { settle } of batch) settle()
      this.#mend()
    }
  }

  #fail (cause: unknown): void {
    const { warn, retryMs } = this.#options
    if (this.#failure === undefined) warn('audit events cannot be sent to ECTX_AUDIT_SYSLOG; the audit log has them', cause)
    this.#failure = new GatewayError(
      'unavailable', 'audit events cannot be sent to where they must be; try again, and see the log for its reason', { cause }
    )
    this.#refuse(this.#failure)
    this.#retry = setTimeout(() => this.#begin(), retryMs).unref()
  }

  #mend (): void {
    if (this.#failure === undefined) return
    this.#failure = undefined
    this.#options.warn(`audit events can be sent to ECTX_AUDIT_SYSLOG again; ${this.#dropped} were not`)
    this.#dropped = 0
  }

  /** Lets nobody wait, and not too much. */
  #refuse (failure: GatewayError): void {
    for (const { settle } of this.#waiting) settle(failure)
    const excess = this.#waiting.length - this.#options.mostWaiting
    if (excess <= 0) return
    this.#waiting.splice(0, excess)
    this.#dropped += excess
  }
}
