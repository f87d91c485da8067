import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

export interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface CloudEvent {
  readonly id: string
  readonly type: string
  readonly subject: string
  readonly data: Record<string, unknown>
}

/** Answers a request, of which `received` has come; the answer of who does nothing is 204. */
export type Answer = (received: Received, response: ServerResponse, request: IncomingMessage) => void

/** A receiver of webhooks on this machine. `posts` has all that came, `taken` the events that were acknowledged, in the order of that. */
export async function startReceiver (t: Test, answer: Answer = (_, response) => response.writeHead(204).end(), port = 0) {
  const posts: Received[] = []
  const taken: CloudEvent[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk)).on('end', () => {
      const received = { headers: request.headers, body: Buffer.concat(chunks).toString() }
      posts.push(received)
      answer(received, response, request)
      if (response.headersSent && response.statusCode < 300) taken.push(...[JSON.parse(received.body)].flat())
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const close = () => new Promise<void>(resolve => {
    server.closeAllConnections()
    server.close(() => resolve())
  })
  t.teardown(close)
  const { port: found } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${found}/hook`, port: found, posts, taken, close }
}

/** Whether no event of a context came behind a later one of it; one that came again counts once. */
export function isInOrder (events: readonly CloudEvent[]): boolean {
  const last = new Map<string, string>()
  const seen = new Set<string>()
  return events.every(({ id, subject }) => {
    if (seen.has(id)) return true
    seen.add(id)
    const before = last.get(subject) ?? ''
    last.set(subject, id)
    return before < id
  })
}
