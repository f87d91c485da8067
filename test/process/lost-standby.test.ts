import t from 'tap'
import { CONTEXTS, createClient, type Answer } from '../support/http.js'
import { Pair } from '../support/postgres-pair.js'
import { withSchema } from '../support/postgres.js'
import { startProcess } from '../support/process.js'
import { until } from '../support/until.js'
import { toldOf } from '../support/told.js'

const skip = process.env.FAILOVER_ROUNDS === undefined && 'it waits for half a minute: FAILOVER_ROUNDS=1 has it run'

t.test('while the standby is lost, changes wait for half a minute and are then refused, and what is there can be read', { skip }, async t => {
  const pair = await Pair.start(t)
  const env = withSchema(t, `postgres://ectx@127.0.0.1:${pair.primary.port},127.0.0.1:${pair.standby.port}/postgres`)
  const gateway = await startProcess(t, { env })
  const client = createClient(t, gateway.address)
  const create = (slug: string) => client.post(CONTEXTS, { metadata: { slug }, spec: { execution_id: 'wfx-1', data: { K: { value: 'v' } } } })
  const isRefused = ({ status, headers, text }: Answer) =>
    t.match({ status, retry: headers['retry-after'], text }, { status: 503, retry: '1', text: /synchronous standby is lost/ })

  const { metadata: { id } } = JSON.parse((await create('before')).text)
  await pair.standby.deafen()
  const asked = performance.now()
  const waiting = Promise.all([create('first'), create('second')])
  t.equal((await client.get(`${CONTEXTS}/${id}`)).status, 200)
  for (const answer of await waiting) isRefused(answer)
  t.comment(`refused after ${Math.round(performance.now() - asked)} ms`)
  const begun = performance.now()
  isRefused(await client.get('/readyz'))
  isRefused(await create('third'))
  t.comment(`and then within ${Math.round(performance.now() - begun)} ms`)
  t.equal((await client.get(`${CONTEXTS}/${id}`)).status, 200)
  await until(() => gateway.lines.some(({ msg }) => /synchronous standby is lost/.test(String(msg))))

  pair.standby.thaw()
  await until(async () => (await client.get('/readyz')).status === 200)
  t.equal((await create('after')).status, 201)
  // What was sent before its caller was refused may have been done: then it is whole.
  await until(async () => {
    const { execution_contexts: contexts } = JSON.parse((await client.get(CONTEXTS)).text)
    const told = await toldOf(client)
    return contexts.every(({ metadata }: { metadata: { id: string } }) => told.get(metadata.id)?.join(' ') === 'created')
  })
  t.equal((await gateway.stop()).code, 0)
})
