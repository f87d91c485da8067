import { connect, type AddressInfo, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import type { Test } from 'tap'
import { MemoryStore } from '../../src/engines/memory/memory-store.js'
import { createCertificate, createRoot } from './certificates.js'
import { startGateway } from './gateway.js'

/** An answer, as it came over a raw connection. */
export interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** Takes about as long as a disk: so a client can be ahead of its answers. */
class SlowStore extends MemoryStore {
  override async insert (...args: Parameters<MemoryStore['insert']>) {
    await setTimeout(20)
    await super.insert(...args)
  }
}

/** A gateway that listens on loopback, and what opens connections to it that the test writes byte by byte; over TLS with `overTls`. */
export async function listenRaw (t: Test, overTls = false, env: Readonly<Record<string, string>> = {}) {
  const { app, lines } = await startGateway(t, new SlowStore(), { ...env, ...(overTls && await tlsFiles(t)) })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const open = (): Socket => {
    const options = { port, host: '127.0.0.1', allowHalfOpen: true }
    const socket = overTls ? connectTls({ ...options, rejectUnauthorized: false }) : connect(options)
    t.teardown(() => socket.destroy())
    return socket
  }
  /** Sends all of `request`, then closes its side with `fin`, and reads to the end. */
  const exchange = async (request: string, { fin = false } = {}): Promise<RawAnswer[]> => {
    const socket = open()
    if (fin) socket.end(request)
    else socket.write(request)
    return answersIn(await text(socket))
  }
  return { app, lines, port, open, exchange }
}

async function tlsFiles (t: Test): Promise<Record<string, string>> {
  const directory = t.testdir({ ...await createCertificate(await createRoot('test root')) })
  return { ECTX_TLS_CERT: `${directory}/cert`, ECTX_TLS_KEY: `${directory}/key` }
}

/** The answers in what a connection sent, each with as much body as its Content-Length says. */
export function answersIn (sent: string): RawAnswer[] {
  const answers: RawAnswer[] = []
  for (let rest = Buffer.from(sent); rest.length > 0;) {
    const end = rest.indexOf('\r\n\r\n') + 4
    const head = rest.subarray(0, end).toString()
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0)
    answers.push({ status: Number(head.split(' ')[1]), head, body: rest.subarray(end, end + length).toString() })
    rest = rest.subarray(end + length)
  }
  return answers
}
