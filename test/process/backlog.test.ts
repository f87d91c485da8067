import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { bearer, OPERATOR, withTokens } from '../support/callers.js'
import { contextBody } from '../support/gateway.js'
import { CONTEXTS, createClient } from '../support/http.js'
import { startProcess } from '../support/process.js'

// Who sends request upon request and reads no answer makes the process no larger, and keeps out nobody.

const CONNECTIONS = 50
const HEAP = ['--max-old-space-size=512']
const MOST_MB = 600

const request = (path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') =>
  [`${method} ${path} HTTP/1.1`, 'Host: localhost', ...Object.entries(headers).map(header => header.join(': ')), '', ''].join('\r\n')

/** Sends as many of `request` as fit into a megabyte on each of many connections, and reads nothing of what comes. */
async function flood (t: Test, address: string, request: string): Promise<void> {
  const { port } = new URL(address)
  const requests = request.repeat(Math.ceil(1024 * 1024 / request.length))
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    const socket = connect(Number(port), '127.0.0.1').pause()
    t.teardown(() => socket.destroy())
    // Its connection may be ended.
    socket.on('error', () => {})
    await once(socket, 'connect')
    socket.write(requests)
  }))
}

const megabytesOf = (pid: number) => Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

t.test('pipelining without reading', async t => {
  const gateway = await startProcess(t, { env: withTokens(t), nodeOptions: HEAP })
  const client = createClient(t, gateway.address)
  const operator = bearer(OPERATOR)
  const create = async (body: object, query = '') => client.send('POST', `${CONTEXTS}${query}`, { body, headers: operator })

  const values = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`K${index}`, { value: '\n'.repeat(65_536), is_secret: true }]))
  const made = await create(contextBody({ spec: { execution_id: 'x', data: values } }), '?run_token=true')
  const { metadata: { id }, status: { run_token: runToken } } = JSON.parse(made.text)

  for (const [what, flooding] of [
    ['the OpenAPI document', request('/docs/json')],
    ['the same as YAML', request('/docs/yaml')],
    ['files of the page', request('/docs/static/swagger-ui-bundle.js')],
    ['what does not exist', request('/', {}, 'GET')],
    ['probes', request('/readyz')],
    ['requests that announce a body', request('/healthz', { Expect: '100-continue' })],
    ['a run its own context', request(`${CONTEXTS}/${id}`, bearer(runToken))],
    ['a run the headers of it', request(`${CONTEXTS}/${id}`, bearer(runToken), 'HEAD')],
    ['the audit log', request('/v1/audit-events?page_size=1000', operator)]
  ] as const) {
    await t.test(what, async t => {
      await flood(t, gateway.address, flooding)
      t.equal((await create(contextBody({ metadata: { name: what } }))).status, 201)
      t.equal((await client.get('/healthz')).status, 200)
      if (process.platform === 'linux') t.ok(megabytesOf(gateway.pid) < MOST_MB)
    })
  }
  t.equal((await gateway.stop()).code, 0)
})
