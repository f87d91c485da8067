import { Agent, request, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import type { Test } from 'tap'
import { nearAddress } from './addresses.js'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

interface Content {
  /** An object goes as JSON. */
  readonly body?: object | string | Buffer
  readonly headers?: Readonly<OutgoingHttpHeaders>
}

/**
 * A client of the server at `address` that keeps its connections, as many as it needs; they close when the test ends.
 * With `isMany` each request comes from another address.
 */
export function createClient (t: Test, address: string, { isMany = false } = {}) {
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())

  const send = (method: string, path: string, { body, headers }: Content = {}) => new Promise<Answer>((resolve, reject) => {
    const isJson = typeof body === 'object' && !Buffer.isBuffer(body)
    const bytes = isJson ? JSON.stringify(body) : body
    const about = bytes !== undefined && { 'content-length': Buffer.byteLength(bytes), ...(isJson && { 'content-type': 'application/json' }) }
    const options = { method, agent, localAddress: isMany ? nearAddress() : undefined, headers: { ...about, ...headers } }
    const outgoing = request(address + path, options, response => {
      let text = ''
      response.setEncoding('utf8').on('data', chunk => { text += chunk }).on('error', reject)
        .on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }))
    })
    outgoing.on('error', reject).end(bytes)
  })

  return {
    agent,
    send,
    get: (path: string) => send('GET', path),
    post: (path: string, body: object) => send('POST', path, { body })
  }
}

/** Asks again while the gateway, which has a busy machine, says to try later. */
export async function patient (ask: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    const answer = await ask()
    if (answer.headers['retry-after'] === undefined) return answer
    await wait(50)
  }
}

export const CONTEXTS = '/v1/execution-contexts'
export const byReference = (slug: string) => `${CONTEXTS}/by-reference?slug=${slug}`
