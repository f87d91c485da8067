import type { Server, ServerWritableStream } from '@grpc/grpc-js'
import { HealthImplementation, service, type ServingStatus } from 'grpc-health-check'
import type { Call } from './call.js'

const LOOK_EVERY_MS = 5_000

/** The standard health service: all services are as ready as the gateway is. */
export class Health {
  static readonly service = service
  readonly #names: readonly string[]
  readonly #ready: () => Promise<void>
  readonly #known: HealthImplementation
  #looking: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #watchers = 0
  #isClosing = false
  #told: ServingStatus | undefined

  /** @param ready resolves where the gateway can do its work now */
  constructor (services: readonly string[], ready: () => Promise<void>) {
    // Without a name the server itself is asked about.
    this.#names = ['', ...services]
    this.#ready = ready
    this.#known = new HealthImplementation(Object.fromEntries(this.#names.map(name => [name, 'UNKNOWN' as ServingStatus])))
  }

  addTo (server: Server): void {
    this.#known.addToServer({
      addService: (definition, { watch, ...rest }) => server.addService(definition, {
        ...rest,
        // The library remembers each name that was ever watched.
        watch: (call: ServerWritableStream<{ readonly service: string }, object>) => {
          if (!this.#names.includes(call.request.service)) call.write({ status: 'SERVICE_UNKNOWN' })
          else (watch as (call: object) => void)(call)
        }
      })
    })
  }

  /** Finds out what to answer. */
  look (): Promise<void> {
    this.#looking ??= this.#ready()
      .then(() => this.#tell('SERVING'), () => this.#tell('NOT_SERVING'))
      .finally(() => { this.#looking = undefined })
    return this.#looking
  }

  /** Keeps finding out while `call` watches. */
  async watch ({ stream }: Call): Promise<void> {
    this.#watchers++
    this.#timer ??= setInterval(() => { this.look().catch(() => {}) }, LOOK_EVERY_MS).unref()
    stream.once('close', () => {
      if (--this.#watchers > 0) return
      clearInterval(this.#timer)
      this.#timer = undefined
    })
    await this.look()
  }

  /** Tells those who watch to call another gateway. */
  close (): void {
    this.#isClosing = true
    this.#tell('NOT_SERVING')
  }

  #tell (status: ServingStatus): void {
    const told = this.#isClosing ? 'NOT_SERVING' : status
    // Who watches is told of changes alone.
    if (told === this.#told) return
    this.#told = told
    for (const name of this.#names) this.#known.setStatus(name, told)
  }
}
