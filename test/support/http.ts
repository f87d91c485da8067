import { Agent, request } from 'node:http'
import type { Test } from 'tap'

export interface Answer {
  readonly status: number
  readonly text: string
}

/** A client of the server at `address` that keeps its connections, as many as it needs; they close when the test ends. */
export function createClient (t: Test, address: string) {
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())

  const send = (method: string, path: string, body?: object) => new Promise<Answer>((resolve, reject) => {
    const outgoing = request(address + path, { method, agent, headers: body && { 'content-type': 'application/json' } }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', chunk => { text += chunk }).on('error', reject)
        .on('end', () => resolve({ status: response.statusCode!, text }))
    })
    outgoing.on('error', reject).end(body && JSON.stringify(body))
  })

  return {
    agent,
    get: (path: string) => send('GET', path),
    post: (path: string, body: object) => send('POST', path, body)
  }
}

export const CONTEXTS = '/v1/execution-contexts'
export const byReference = (slug: string) => `${CONTEXTS}/by-reference?slug=${slug}`
