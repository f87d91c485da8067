import { request as requestHttp, Agent as HttpAgent, type ClientRequest, type IncomingMessage } from 'node:http'
import { request as requestHttps, Agent as HttpsAgent } from 'node:https'
import type { LookupFunction } from 'node:net'
import { isLoopback } from '../auth/loopback.js'
import type { Clock } from '../clock.js'
import { codeOf, GatewayError } from '../errors.js'
import type { Outgoing, Publisher } from '../events/publisher.js'
import { isMetadataService, lookupOf } from './forbidden-places.js'
import type { SigningKeys } from './signing-keys.js'

const TIMEOUT_MS = 10_000
const MOST_AT_ONCE = 100
const MOST_CONNECTIONS = 16
const MOST_ANSWER_BYTES = 4_096
const MOST_HEADER_BYTES = 16_384
const BATCH = 'application/cloudevents-batch+json'
const ONE = 'application/cloudevents+json'
/** Of what a client is told to have done wrong, these say that it may be taken later. */
const LATER = new Set([408, 425, 429])

export interface WebhookOptions {
  /** Secret: it may hold a password or a token. */
  readonly url: string
  readonly keys: SigningKeys | undefined
  readonly clock: Clock
  readonly timeoutMs?: number
  readonly lookup?: LookupFunction
}

/**
 * Posts CloudEvents by their HTTP binding, in the structured form, signed as Standard Webhooks are. Each answer of 2xx acknowledges; where
 * its `Accept-Post` names batches, the next ones are sent as such.
 */
export class Webhook implements Publisher {
  readonly #options: WebhookOptions
  readonly #url: URL
  readonly #authorization: string | undefined
  readonly #lookup: LookupFunction
  readonly #agent: HttpAgent | HttpsAgent
  #takesBatches = false

  /** @throws {GatewayError} `invalid_argument` where nothing is to be sent there */
  constructor (options: WebhookOptions) {
    this.#options = options
    this.#url = new URL(options.url)
    const { protocol, hostname, username, password } = this.#url
    if (isMetadataService(hostname)) throw new GatewayError('invalid_argument', 'must not lead to the metadata service of a cloud')
    // In clear they do not leave this machine, whatever its name for itself leads to.
    this.#lookup = options.lookup ?? lookupOf(address => protocol === 'http:' ? isLoopback(address) : !isMetadataService(address))
    this.#agent = new (protocol === 'http:' ? HttpAgent : HttpsAgent)({ keepAlive: true, maxSockets: MOST_CONNECTIONS })
    const user = [username, password].map(decodeURIComponent).join(':')
    this.#authorization = user === ':' ? undefined : `Basic ${Buffer.from(user).toString('base64')}`
    this.#url.username = this.#url.password = this.#url.hash = ''
  }

  get most (): number {
    return this.#takesBatches ? MOST_AT_ONCE : 1
  }

  async publish (events: readonly Outgoing[], signal: AbortSignal): Promise<void> {
    const [first, last] = [events[0]!, events.at(-1)!]
    const id = events.length === 1 ? first.id : `${first.id}_${last.id}`
    const body = events.length === 1 ? first.json : `[${events.map(({ json }) => json).join(',')}]`
    const { statusCode: status = 0, headers } = await this.#send(id, events.length === 1 ? ONE : BATCH, body, signal)
    const isTaken = status >= 200 && status < 300
    if (isTaken) this.#takesBatches = typesIn(headers['accept-post']).includes(BATCH)
    if (!isTaken) throw this.#failure(status, headers['retry-after'])
  }

  async close (): Promise<void> {
    this.#agent.destroy()
  }

  /** The answer's head, once that is there: what follows is thrown away. @throws {GatewayError} `unavailable` */
  async #send (id: string, type: string, body: string, ending: AbortSignal): Promise<IncomingMessage> {
    const { timeoutMs = TIMEOUT_MS } = this.#options
    const timeout = AbortSignal.timeout(timeoutMs)
    const signal = AbortSignal.any([ending, timeout])
    for (let isAgain = false; ; isAgain = true) {
      const request = this.#request(id, type, body, signal)
      try {
        return await answerTo(request)
      } catch (error) {
        if (error instanceof GatewayError) throw error
        // The other side may have closed a connection that it used before just when it was used again.
        if (request.reusedSocket && codeOf(error) === 'ECONNRESET' && !isAgain && !signal.aborted) continue
        // Not as the cause: it may hold what was received.
        const problem = timeout.aborted ? `does not answer within ${timeoutMs / 1_000} seconds` : `cannot be reached (${codeOf(error)})`
        throw new GatewayError('unavailable', `the receiver of events ${problem}`)
      }
    }
  }

  #request (id: string, type: string, body: string, signal: AbortSignal): ClientRequest {
    const seconds = Math.floor(this.#options.clock.now() / 1_000)
    const signature = this.#options.keys?.sign(id, seconds, body)
    const send = this.#url.protocol === 'http:' ? requestHttp : requestHttps
    return send(this.#url, {
      method: 'POST',
      agent: this.#agent,
      lookup: this.#lookup,
      // Whatever the environment says.
      rejectUnauthorized: true,
      maxHeaderSize: MOST_HEADER_BYTES,
      signal,
      headers: {
        'content-type': `${type}; charset=utf-8`,
        'content-length': Buffer.byteLength(body),
        'user-agent': 'ectx',
        'webhook-id': id,
        'webhook-timestamp': seconds,
        ...signature !== undefined && { 'webhook-signature': signature },
        ...this.#authorization !== undefined && { authorization: this.#authorization }
      }
    }).end(body)
  }

  #failure (status: number, retryAfter: string | undefined): GatewayError {
    const isRedirect = status >= 300 && status < 400
    const isLater = status >= 500 || isRedirect || LATER.has(status)
    return new GatewayError(
      isLater ? 'unavailable' : 'failed_precondition',
      `the receiver of events answers ${status}${isRedirect ? ', which is not followed: set ECTX_EVENTS_URL to where it leads' : ''}`,
      { retryAfterSeconds: retryAfter === undefined ? undefined : this.#secondsOf(retryAfter) }
    )
  }

  /** Of a number, or a date. */
  #secondsOf (text: string): number | undefined {
    const seconds = /^\d{1,9}$/.test(text) ? Number(text) : (Date.parse(text) - this.#options.clock.now()) / 1_000
    return seconds > 0 ? seconds : undefined
  }
}

/** The types that a header lists, without their parameters. */
const typesIn = (header: unknown) => String(header ?? '').split(',').map(type => type.split(';')[0]!.trim().toLowerCase())

function answerTo (request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on('error', reject)
    request.on('close', () => reject(new Error('closed')))
    request.on('response', response => {
      let bytes = 0
      response.on('error', () => {}).on('data', chunk => {
        bytes += chunk.length
        if (bytes > MOST_ANSWER_BYTES) response.destroy()
      })
      resolve(response)
    })
  })
}
