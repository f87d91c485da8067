import { Client, credentials, Metadata } from '@grpc/grpc-js'
import type { Measured } from './client.js'

export interface GrpcLoad {
  readonly path: string
  readonly token: string
  /** The next message; `answered` is given what comes of it. */
  readonly next: () => { readonly message: Buffer, readonly answered?: (answer: Buffer) => void }
}

const asIs = (bytes: Buffer) => bytes

/** A client of gRPC on one connection, with so many calls in flight. */
export class GrpcClient {
  readonly #client: Client
  readonly #inFlight: number

  /** @param address host and port */
  constructor (address: string, inFlight: number) {
    this.#client = new Client(address, credentials.createInsecure())
    this.#inFlight = inFlight
  }

  async run ({ path, token, next }: GrpcLoad, milliseconds: number): Promise<Measured> {
    const metadata = new Metadata()
    metadata.set('authorization', `Bearer ${token}`)
    const latencies: number[] = []
    const began = performance.now()
    const ask = () => new Promise<void>((resolve, reject) => {
      const { message, answered } = next()
      const asked = performance.now()
      this.#client.makeUnaryRequest(path, asIs, asIs, message, metadata, (error, answer) => {
        if (error !== null) return reject(error)
        latencies.push(performance.now() - asked)
        answered?.(answer!)
        resolve()
      })
    })
    await Promise.all(Array.from({ length: this.#inFlight }, async () => {
      while (performance.now() - began < milliseconds) await ask()
    }))
    return { requests: latencies.length, seconds: (performance.now() - began) / 1000, latencies: latencies.sort((a, b) => a - b) }
  }

  close (): void {
    this.#client.close()
  }
}
