import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../errors.js'
import { Budget, type Holder } from './budget.js'
import { connectionOf } from './connection.js'
import { HttpFailure } from './failure.js'

/** Of bodies that come in or are worked on, in all: four times what is held for each is made from it. */
const MOST_BYTES = 64 * 1024 * 1024
// Does not count: whoever sends small bodies is not refused for those who send large ones.
const FREE_BYTES = 64 * 1024

const NO_ROOM = new GatewayError('unavailable', 'the gateway receives as many large bodies as it can; try again', { retryAfterSeconds: 1 })

const MIB = 1024 * 1024

/** What is said of a body of more than `limit` bytes. */
export const tooLarge = (limit: number) => `the body is larger than ${limit / MIB} MiB`

/** What one body takes. */
export interface Room {
  /** It has so many bytes by now, of which a few do not count. */
  grow (bytes: number): void
  release (): void
}

/** Reads the bodies of requests, of all together so much at once. */
export class Bodies {
  readonly #limit: number
  readonly #budget = new Budget(MOST_BYTES)

  /** @param limit how many bytes one may have, in whole MiB */
  constructor (limit: number) {
    this.#limit = limit
  }

  /** Room for a body, to be released when it is answered. Where others need it, it is taken back, and `refuse` is called. */
  room (refuse: (failure: GatewayError) => void): Room {
    const holder: Holder = {
      owner: '',
      giveWay: () => {
        this.#budget.release(holder)
        refuse(NO_ROOM)
      }
    }
    return {
      grow: bytes => {
        if (bytes > FREE_BYTES) this.#budget.hold(holder, bytes)
        else this.#budget.release(holder)
      },
      release: () => this.#budget.release(holder)
    }
  }

  /**
   * The body of `request`, whole.
   * @throws 413 where it is larger than a body may be; `unavailable` where there is no room for it
   */
  read (request: IncomingMessage): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const expected = Number(request.headers['content-length'])
      if (expected > this.#limit) throw this.#tooLarge()
      const connection = connectionOf(request.socket)
      const chunks: Buffer[] = []
      let received = 0

      const settle = () => {
        request.off('data', onData).off('end', onEnd).off('error', onError)
        connection?.settleBody()
      }
      const fail = (error: Error) => {
        settle()
        room.release()
        chunks.length = 0
        // What else comes is thrown away.
        request.resume()
        reject(error)
      }
      const room = this.room(fail)
      const onData = (chunk: Buffer) => {
        received += chunk.length
        if (received > this.#limit) return fail(this.#tooLarge())
        chunks.push(chunk)
        room.grow(received)
      }
      const onEnd = () => {
        settle()
        if (expected >= 0 && received !== expected) return fail(cutShort())
        if (connection === undefined) room.release()
        else if (received > FREE_BYTES) connection.whenAnswered(room.release)
        resolve(Buffer.concat(chunks, received))
        chunks.length = 0
      }
      const onError = () => fail(cutShort())

      request.on('data', onData).on('end', onEnd).on('error', onError)
      connection?.expectBody(onError)
    })
  }

  #tooLarge (): HttpFailure {
    return new HttpFailure(413, 'resource_exhausted', tooLarge(this.#limit))
  }
}

const cutShort = () => new GatewayError('invalid_argument', 'the body has not the length that Content-Length says')
