import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Webhook as Verifier } from 'standardwebhooks'
import t, { type Test } from 'tap'
import { newDataDir } from '../support/data-dir.js'
import { contextBody, PATH } from '../support/gateway.js'
import { startPostgres, withSchema } from '../support/postgres.js'
import { startProcess } from '../support/process.js'
import { isInOrder, startReceiver, type CloudEvent } from '../support/receiver.js'
import { until } from '../support/until.js'

const CONTEXTS = 120
const CANARY = 'c4nary-value-of-a-secret'

/** A file of one secret, and that. */
function newSecret (t: Test) {
  const secret = `whsec_${randomBytes(32).toString('base64')}`
  const file = join(newDataDir(t), 'secret')
  writeFileSync(file, secret, { mode: 0o600 })
  return { secret, file }
}

/** Makes and deletes contexts, one after the other, and answers the events that tell of that; the gateway may be another each time. */
async function live (addressOf: () => string, from: number, to: number): Promise<string[]> {
  const told: string[] = []
  for (let turn = from; turn < to; turn++) {
    const data = { TOKEN: { value: CANARY, is_secret: true } }
    const body = JSON.stringify(contextBody({ metadata: { name: `Run ${turn}` }, spec: { execution_id: `wfx-${turn}`, data } }))
    const made = await fetch(addressOf() + PATH, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
    const { metadata: { id } } = await made.json() as { metadata: { id: string } }
    told.push(`${id} created`)
    if ((await fetch(`${addressOf()}${PATH}/${id}`, { method: 'DELETE' })).ok) told.push(`${id} deleted`)
  }
  return told
}

const told = (events: readonly CloudEvent[]) => new Set(events.map(({ subject, type }) => `${subject} ${type.split('.').at(-1)}`))

t.test('of a gateway that is killed amidst it nothing is missing, whatever the receiver does', async t => {
  const { secret, file } = newSecret(t)
  let turn = 0
  const receiver = await startReceiver(t, (_, response, request) => {
    const what = turn++ % 9
    const accepts = turn > 100 ? { 'accept-post': 'application/cloudevents-batch+json' } : {}
    if (what === 1) response.writeHead(500).end()
    else if (what === 3) request.socket.destroy()
    else if (what === 5) response.writeHead(429, { 'retry-after': '0' }).end()
    else response.writeHead(204, accepts).end()
  })
  const env = { ECTX_EVENTS_URL: receiver.url.replace('//', '//user:passw0rd@'), ECTX_EVENTS_SECRET_FILE: file, ECTX_DATA_DIR: newDataDir(t) }
  let gateway = await startProcess(t, { env })
  const expected = await live(() => gateway.address, 0, CONTEXTS)
  await until(() => receiver.taken.length > CONTEXTS / 4)
  await gateway.kill()
  const { lines: before } = gateway
  gateway = await startProcess(t, { env })
  expected.push(...await live(() => gateway.address, CONTEXTS, CONTEXTS + 5))
  await until(() => told(receiver.taken).size === expected.length)
  t.same([...told(receiver.taken)].sort(), expected.toSorted())
  t.ok(isInOrder(receiver.taken))
  const verifier = new Verifier(secret)
  for (const { body, headers } of receiver.posts) verifier.verify(body, headers as Record<string, string>)

  const { code } = await gateway.stop()
  t.equal(code, 0)
  const all = JSON.stringify([receiver.posts.map(({ body }) => body), before, gateway.lines])
  for (const canary of [CANARY, 'passw0rd', secret.slice(6, 30)]) t.notOk(all.includes(canary))
})

t.test('of two gateways one publishes, and the other goes on when that is killed', async t => {
  const { url } = await startPostgres(t)
  const env = withSchema(t, url)
  const receivers = [await startReceiver(t), await startReceiver(t)]
  const gateways = [
    await startProcess(t, { env: { ...env, ECTX_EVENTS_URL: receivers[0]!.url } }),
    await startProcess(t, { env: { ...env, ECTX_EVENTS_URL: receivers[1]!.url } })
  ]
  const expected = await live(() => gateways[1]!.address, 0, 20)
  const all = () => receivers.flatMap(({ taken }) => taken)
  await until(() => told(all()).size === expected.length)
  const publishing = receivers.findIndex(({ taken }) => taken.length > 0)
  t.same(receivers[1 - publishing]!.taken, [], 'the other publishes nothing')
  await gateways[publishing]!.kill()
  expected.push(...await live(() => gateways[1 - publishing]!.address, 20, 40))
  await until(() => told(all()).size === expected.length)
  t.same([...told(all())].sort(), expected.toSorted())
  t.ok(isInOrder(all()))
})

t.test('a URL that nothing may be sent to is refused at the start, and not shown', async t => {
  for (const url of ['https://user:passw0rd@169.254.169.254/', 'https://user:passw0rd@2852039166/', 'https://user:passw0rd@metadata.google.internal/']) {
    const env = { ECTX_EVENTS_URL: url, ECTX_EVENTS_SECRET_FILE: newSecret(t).file }
    const failure = await startProcess(t, { env }).then(() => undefined, error => error)
    t.match(failure?.message, /ECTX_EVENTS_URL: must not lead to the metadata service/)
    t.notMatch(failure?.message, /passw0rd/)
  }
})
