import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { jetstream, JetStreamApiError, type JetStreamClient } from '@nats-io/jetstream'
import { connect, credsAuthenticator, headers, type NatsConnection } from '@nats-io/transport-node'
import { GatewayError } from '../errors.js'
import type { Outgoing, Publisher } from '../events/publisher.js'
import { fileProblem } from '../files/file-problem.js'

const TIMEOUT_MS = 5_000
const PREFIX = 'ectx.events'

export interface NatsOptions {
  /** `nats://host:port`, or `tls://…` where it must be by TLS, perhaps with a user and a password, or a token. Secret. */
  readonly url: string
  /** A file that says who one is, in place of those. */
  readonly creds: string | undefined
}

/**
 * Publishes CloudEvents by their NATS binding, in the structured form, to a stream of JetStream, which acknowledges each and knows it again
 * by its id. The stream must be there.
 */
export class Nats implements Publisher {
  readonly most = 1
  readonly #options: NatsOptions
  #connected: Promise<{ connection: NatsConnection, client: JetStreamClient }> | undefined

  constructor (options: NatsOptions) {
    this.#options = options
  }

  async publish (events: readonly Outgoing[], signal: AbortSignal): Promise<void> {
    const ending = new AbortController()
    const ended = once(signal, 'abort', { signal: ending.signal }).then(() => { throw unavailable('was not waited for') })
    try {
      for (const event of events) await Promise.race([this.#publish(event, signal), ended])
    } finally {
      ended.catch(() => {})
      ending.abort()
    }
  }

  async close (): Promise<void> {
    const connected = await this.#connected?.catch(() => undefined)
    await connected?.connection.close()
  }

  async #publish ({ id, topic, json }: Outgoing, signal: AbortSignal): Promise<void> {
    const { client } = await (this.#connected ??= this.#connect())
    // By now another may publish what comes behind.
    if (signal.aborted) throw unavailable('was not waited for')
    const head = headers()
    head.set('content-type', 'application/cloudevents+json; charset=utf-8')
    const options = { msgID: id, headers: head, timeout: TIMEOUT_MS }
    await client.publish(`${PREFIX}.${topic}`, json, options).catch(error => { throw refusal(error) })
  }

  async #connect (): Promise<{ connection: NatsConnection, client: JetStreamClient }> {
    const { url, creds } = this.#options
    const { protocol, hostname, port, username, password } = new URL(url)
    const [user, pass] = [decodeURIComponent(username), decodeURIComponent(password)]
    try {
      const connection = await connect({
        servers: `${hostname}:${port || 4222}`,
        name: 'ectx',
        timeout: TIMEOUT_MS,
        // What fails is tried again by whoever publishes.
        reconnect: false,
        ...protocol === 'tls:' && { tls: {} },
        ...user !== '' && (pass === '' ? { token: user } : { user, pass }),
        ...creds !== undefined && { authenticator: credsAuthenticator(read(creds)) }
      })
      connection.closed().then(() => { this.#connected = undefined }, () => {})
      return { connection, client: jetstream(connection, { timeout: TIMEOUT_MS }) }
    } catch (error) {
      this.#connected = undefined
      throw error instanceof GatewayError ? error : unavailable(`cannot be reached (${nameOf(error)})`)
    }
  }
}

function read (file: string): Uint8Array {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new GatewayError('unavailable', `ECTX_EVENTS_NATS_CREDS: ${file} cannot be read${fileProblem(error)}`)
  }
}

function refusal (error: unknown): GatewayError {
  // The library does not export the class.
  if (nameOf(error) === 'JetStreamNotEnabled') return unavailable(`has no stream that takes ${PREFIX}.>: make one`)
  if (error instanceof JetStreamApiError) {
    const { code, err_code: reason } = error.apiError()
    const problem = `does not take an event into its stream (${code}, err_code ${reason})`
    return code < 500 ? new GatewayError('failed_precondition', `NATS ${problem}`) : unavailable(problem)
  }
  return unavailable(`does not acknowledge (${nameOf(error)})`)
}

const unavailable = (problem: string) => new GatewayError('unavailable', `NATS ${problem}`)

/** What the library calls the failure: of a closed set, unlike its message, which may be the server's. */
const nameOf = (error: unknown) => error instanceof Error ? error.name : 'unknown reason'
