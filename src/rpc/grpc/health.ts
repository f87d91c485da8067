import type { Server } from '@grpc/grpc-js'
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

  /** @param ready resolves where the gateway can do its work now */
  constructor (services: readonly string[], ready: () => Promise<void>) {
    // Without a name the server itself is asked about.
    this.#names = ['', ...services]
    this.#ready = ready
    this.#known = new HealthImplementation(Object.fromEntries(this.#names.map(name => [name, 'UNKNOWN' as ServingStatus])))
  }

  addTo (server: Server): void {
    this.#known.addToServer(server)
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
    for (const name of this.#names) this.#known.setStatus(name, this.#isClosing ? 'NOT_SERVING' : status)
  }
}
