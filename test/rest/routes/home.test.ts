import t from 'tap'
import { MemoryStore } from '../../../src/engines/memory/memory-store.js'
import { withTokens } from '../../support/callers.js'
import { startGateway } from '../../support/gateway.js'
import { assertProblem } from '../../support/problem.js'

const BROWSER = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8' }

t.test('/ leads a browser to the documentation, with and without credentials configured', async t => {
  for (const env of [{}, withTokens(t)]) {
    const { app } = await startGateway(t, new MemoryStore(), env)
    for (const [method, url] of [['GET', '/'], ['HEAD', '/'], ['GET', '/?a=b']] as const) {
      const { statusCode, headers, payload } = await app.inject({ method, url, headers: { ...BROWSER, host: 'gateway.example' } })
      t.match({ statusCode, payload, headers }, { statusCode: 302, payload: '', headers: { location: '/docs', vary: 'accept', 'content-security-policy': /default-src 'none'/, 'x-request-id': /./ } }, `${method} ${url}`)
    }
    t.equal((await app.inject({ url: '/docs', headers: BROWSER })).statusCode, 200)
  }
})

t.test('/ is nothing to any other client, nor with another method', async t => {
  const { app } = await startGateway(t)
  for (const accept of [undefined, '*/*', 'application/json', 'text/plain']) {
    assertProblem(t, await app.inject({ url: '/', headers: accept === undefined ? {} : { accept } }), { status: 404, code: 'not_found' }, accept)
  }
  for (const method of ['POST', 'PUT', 'DELETE'] as const) assertProblem(t, await app.inject({ method, url: '/', headers: BROWSER }), { status: 404, code: 'not_found' }, method)
})

t.test('/ is no part of the contract', async t => {
  const { app } = await startGateway(t)
  t.notOk('/' in (await app.inject('/docs/json')).json().paths)
})
