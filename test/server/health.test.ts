import t from 'tap'
import { MemoryStore } from '../../src/engines/memory/memory-store.js'
import { startGateway } from '../support/gateway.js'

t.test('GET /healthz', async t => {
  const { app } = await startGateway(t)
  const response = await app.inject('/healthz')
  t.equal(response.statusCode, 200)
  t.same(response.json(), { status: 'ok' })
})

t.test('GET /readyz', async t => {
  const store = new MemoryStore()
  const { app } = await startGateway(t, store)

  t.test('is 200 while the store can be written', async t => {
    t.equal((await app.inject('/readyz')).statusCode, 200)
  })

  t.test('is 503 when it cannot, while the gateway stays alive', async t => {
    await store.close()
    const response = await app.inject('/readyz')
    t.equal(response.statusCode, 503)
    t.equal(response.json().code, 'unavailable')
    t.equal(response.headers['retry-after'], '1')
    t.equal((await app.inject('/healthz')).statusCode, 200)
  })
})
