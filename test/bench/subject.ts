import { BenchError } from './bench-error.js'
import type { Build } from './builds.js'
import { Client, WrongAnswer } from './client.js'
import { GatewayLoads } from './loads.js'
import { first, measure } from './measure.js'
import type { Measure } from './measures.js'
import { Server } from './servers.js'

/** Far more than any number of requests takes here. */
const MOST_MS = 300_000
/** So many a minute that the limit is counted and never reached. */
const BOUNDLESS = '1000000000'

/** A process of a build, and what is stored there. */
export class Subject {
  readonly #loads = new GatewayLoads(0)
  readonly #server: Server
  readonly #alone: Client

  private constructor (server: Server) {
    this.#server = server
    this.#alone = new Client(server.client.address, 1)
  }

  /** @throws {BenchError} where it does not start */
  static async start ({ name, args, directory }: Build, dataDir: string, tokensFile: string): Promise<Subject> {
    const settings = { ECTX_PORT: '0', ECTX_DATA_DIR: dataDir, ECTX_TOKENS_FILE: tokensFile, ECTX_RATE_LIMIT: BOUNDLESS }
    try {
      const subject = new Subject(await Server.startNode(args, settings, directory))
      await subject.#loads.prepare(subject.#server.client.address)
      return subject
    } catch (error) {
      throw new BenchError(`${name} does not start: ${(error as Error).message}; what it says of that is above`)
    }
  }

  /** The status with which it answers one such request, where that is not the right one. */
  async refuses ({ operation }: Pick<Measure, 'operation'>): Promise<number | undefined> {
    try {
      await this.#alone.run(first(this.#loads[operation], 1), MOST_MS)
    } catch (error) {
      if (error instanceof WrongAnswer) return error.status
      throw error
    }
  }

  /** Does `count` requests and does not look at what they cost. */
  async warm ({ operation, connections }: Pick<Measure, 'operation' | 'connections'>, count: number): Promise<void> {
    await this.#client(connections).run(first(this.#loads[operation], count), MOST_MS)
  }

  async quiet (): Promise<void> {
    await this.#server.quiet()
  }

  /** What `count` requests cost, as the measure says. @throws {BenchError} where so many are not done in five minutes */
  async measure ({ name, operation, connections, of }: Measure, count: number): Promise<number> {
    const round = await measure(this.#server, first(this.#loads[operation], count), MOST_MS, this.#client(connections))
    if (round.requests < count) throw new BenchError(`of ${name} only ${round.requests} of ${count} requests were done`)
    return round[of]
  }

  async stop (): Promise<void> {
    this.#alone.close()
    await this.#server.stop()
  }

  #client (connections: Measure['connections']): Client {
    return connections === 'one' ? this.#alone : this.#server.client
  }
}
