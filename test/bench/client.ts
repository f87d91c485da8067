import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface Request {
  /** The whole of it, in ASCII. */
  readonly text: string
  /** Is given the head of the answer. */
  readonly answered?: (head: string) => void
}

/** What to ask of a server, one request after another on each connection. */
export interface Load {
  /** The next request; `undefined` ends the load. */
  readonly next: () => Request | undefined
  /** The only status that is right. */
  readonly status: number
}

export interface Measured {
  readonly requests: number
  readonly seconds: number
  /** Milliseconds from request to answer, in order of size. */
  readonly latencies: readonly number[]
}

const ANSWER_MS = 30_000

/** An answer that has another status than the load says is right. */
export class WrongAnswer extends Error {
  constructor (readonly status: number, expected: number, answer: string) {
    super(`expected status ${expected}, got:\n${answer}`)
  }
}

/**
 * An HTTP/1.1 client on keep-alive connections, each with one request in flight. It does the least that keeps it
 * honest: on a machine of few cores it takes its time from the servers that it measures.
 */
export class Client {
  #sockets: readonly Socket[] = []

  constructor (readonly address: string, readonly connections: number) {}

  /**
   * Runs `load` for `milliseconds` at most.
   * @throws {WrongAnswer}, and where a connection breaks meanwhile or an answer takes more than half a minute
   */
  async run (load: Load, milliseconds: number): Promise<Measured> {
    // A server closes connections that have had nothing to do for a while.
    if (this.#sockets.filter(({ readyState }) => readyState === 'open').length < this.connections) await this.#connect()
    const latencies: number[] = []
    const began = performance.now()
    await Promise.all(this.#sockets.map(socket => drive(socket, load, began + milliseconds, latencies)))
    const seconds = (performance.now() - began) / 1000
    return { requests: latencies.length, seconds, latencies: latencies.sort((a, b) => a - b) }
  }

  close (): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async #connect (): Promise<void> {
    this.close()
    const { hostname: host, port } = new URL(this.address)
    this.#sockets = Array.from({ length: this.connections }, () => connect({ host, port: Number(port), noDelay: true }))
    await Promise.all(this.#sockets.map(socket => once(socket, 'connect')))
  }
}

function drive (socket: Socket, { next, status }: Load, deadline: number, latencies: number[]): Promise<void> {
  return new Promise((resolve, reject) => {
    let request: Request | undefined
    let pending: Buffer | undefined
    let sent = 0
    const finish = (error?: Error) => {
      socket.removeAllListeners().setTimeout(0)
      if (error === undefined) resolve()
      else reject(error)
    }
    const send = () => {
      request = performance.now() < deadline ? next() : undefined
      if (request === undefined) return finish()
      sent = performance.now()
      socket.write(request.text, 'latin1')
    }
    socket.setTimeout(ANSWER_MS, () => finish(new Error(`no answer in ${ANSWER_MS / 1000} s`)))
    socket.on('error', finish)
    socket.on('close', () => finish(new Error('the server closed a connection')))
    socket.on('data', chunk => {
      const bytes = pending === undefined ? chunk : Buffer.concat([pending, chunk])
      const head = headOf(bytes)
      pending = head === undefined ? bytes : undefined
      if (head === undefined) return
      latencies.push(performance.now() - sent)
      const answered = Number(head.slice(9, 12))
      if (answered !== status) return finish(new WrongAnswer(answered, status, bytes.toString()))
      request?.answered?.(head)
      send()
    })
    send()
  })
}

/** The head of the answer in `bytes` where that is whole. */
function headOf (bytes: Buffer): string | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const head = bytes.toString('latin1', 0, end + 2)
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(head)
  if (length === null) throw new Error(`an answer without Content-Length:\n${head}`)
  return bytes.length < end + 4 + Number(length[1]) ? undefined : head
}
