import type { IncomingMessage } from 'node:http'
import { errorCodes } from 'fastify'
import { GatewayError } from '../errors.js'
import { BODY_LIMIT } from '../rest/input/body-limit.js'
import { Budget, type Holder } from './budget.js'
import { connectionOf } from './connection.js'

/** Of bodies that come in or are worked on, in all: four times what is held for each is made from it. */
const MOST_BYTES = 64 * 1024 * 1024
// Does not count: whoever sends small bodies is not refused for those who send large ones.
const FREE_BYTES = 64 * 1024

const NO_ROOM = new GatewayError('unavailable', 'the gateway receives as many large bodies as it can; try again', { retryAfterSeconds: 1 })

/** Reads the bodies of requests, of all together so much at once. */
export class Bodies {
  readonly #budget = new Budget(MOST_BYTES)

  /**
   * The body of `request`, whole.
   * @throws 413 where it is larger than a body may be; `unavailable` where there is no room for it
   */
  read (request: IncomingMessage): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const expected = Number(request.headers['content-length'])
      if (expected > BODY_LIMIT) throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE()
      const connection = connectionOf(request.socket)
      const chunks: Buffer[] = []
      let received = 0

      const settle = () => {
        request.off('data', onData).off('end', onEnd).off('error', onError)
        connection?.settleBody()
      }
      const fail = (error: Error) => {
        settle()
        this.#budget.release(holder)
        // What else comes is thrown away.
        request.resume()
        reject(error)
      }
      const holder: Holder = { owner: '', giveWay: () => fail(NO_ROOM) }
      const onData = (chunk: Buffer) => {
        received += chunk.length
        if (received > BODY_LIMIT) return fail(new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE())
        chunks.push(chunk)
        if (received > FREE_BYTES) this.#budget.hold(holder, received)
      }
      const onEnd = () => {
        settle()
        if (expected >= 0 && received !== expected) return fail(new errorCodes.FST_ERR_CTP_INVALID_CONTENT_LENGTH())
        resolve(Buffer.concat(chunks, received))
      }
      const onError = () => fail(new errorCodes.FST_ERR_CTP_INVALID_CONTENT_LENGTH())

      request.on('data', onData).on('end', onEnd).on('error', onError)
      connection?.expectBody(onError)
    })
  }
}
