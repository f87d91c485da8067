import t, { type Test } from 'tap'
import { keysCommand } from '../../src/cli/keys-command.js'
import { verifyChains } from '../../src/engines/postgres/verify.js'
import { createClient, CONTEXTS, byReference, patient } from '../support/http.js'
import { startPostgres, withSchema } from '../support/postgres.js'
import { startProcess } from '../support/process.js'
import { until } from '../support/until.js'
import { toldOf } from '../support/told.js'

/** `POSTGRES_ROUNDS=50` ends a gateway that often. */
const ROUNDS = Number(process.env.POSTGRES_ROUNDS ?? 5)
const GATEWAYS = 3
const WRITERS = 64

const { url } = await startPostgres(t)

interface Written {
  readonly name: string
  readonly id?: string
  readonly deleted?: true
}

/** Starts a gateway on the schema of `env`, and a client of it. */
async function start (t: Test, env: Record<string, string>) {
  const gateway = await startProcess(t, { env })
  return { ...gateway, client: createClient(t, gateway.address) }
}

t.test(`${GATEWAYS} gateways on one database, of which one is killed, and a key retired, ${ROUNDS} times while all write`, async t => {
  const env = withSchema(t, url)
  const gateways = await Promise.all(Array.from({ length: GATEWAYS }, () => start(t, env)))
  const over = { isOver: false }
  const written: Written[] = []
  const taken: string[] = []
  const shortLived: string[] = []

  const writing = Promise.all(Array.from({ length: WRITERS }, async (_, writer) => {
    for (let turn = 0; !over.isOver; turn++) {
      const name = `run-${writer}-${turn}`
      // The same slug by several at once, which one of them gets; and one's own, which is deleted now and then by another gateway.
      const shared = `shared-${turn}`
      const body = (slug: string) => ({ metadata: { slug }, spec: { execution_id: 'wfx-1', data: { K: { value: 's3cr3t', is_secret: true } } } })
      const { client } = gateways[writer % GATEWAYS]!
      try {
        const race = await client.post(CONTEXTS, body(shared))
        if (race.status === 201) taken.push(shared)
        const created = await patient(() => client.post(CONTEXTS, body(name)))
        if (created.status !== 201) continue
        const { metadata: { id } } = JSON.parse(created.text)
        written.push({ name, id })
        if (turn % 5 === 0) {
          const { spec, metadata } = body(`${name}-short`)
          const short = await client.post(CONTEXTS, { metadata, spec: { ...spec, ttl: '1s' } })
          if (short.status === 201) shortLived.push(JSON.parse(short.text).metadata.id)
        }
        if (turn % 3 === 0) {
          const deleted = await gateways[(writer + 1) % GATEWAYS]!.client.send('DELETE', `${CONTEXTS}/${id}`)
          if (deleted.status === 200) written.push({ name, id, deleted: true })
        }
      } catch {
        // Whoever was killed answers nothing more: what it was asked may have happened or not.
        written.push({ name })
        await new Promise(resolve => setTimeout(resolve, 20))
      }
    }
  }))
  for (let round = 0; round < ROUNDS; round++) {
    await new Promise(resolve => setTimeout(resolve, 300))
    const victim = round % GATEWAYS
    await gateways[victim]!.kill()
    await keysCommand(['rotate'], env)
    gateways[victim] = await start(t, env)
  }
  over.isOver = true
  await writing

  t.equal(new Set(taken).size, taken.length, 'no slug was given to two')
  const { client } = gateways[0]!
  const unsure = new Set(written.filter(({ id }) => id === undefined).map(({ name }) => name))
  const deleted = new Set(written.filter(({ deleted }) => deleted).map(({ id }) => id))
  const created = written.filter(({ id, deleted }) => id !== undefined && !deleted)
  t.ok(created.length > 20 && deleted.size > 0, `${created.length} created, ${deleted.size} deleted`)
  const wrong: string[] = []
  for (const { name, id } of created) {
    const { status, text } = await client.get(byReference(name))
    const isThere = status === 200 && text.includes('s3cr3t') && JSON.parse(text).metadata.id === id
    // Who was killed while it deleted may have done so.
    if (deleted.has(id) ? status !== 404 : !isThere && !(status === 404 && unsure.has(name))) wrong.push(`${name}: ${status}`)
  }
  t.same(wrong, [], 'what was acknowledged is so')

  t.ok(shortLived.length > 20)
  await until(async () => {
    const told = await toldOf(client)
    return shortLived.every(id => told.get(id)?.includes('expired'))
  })
  const statuses = await Promise.all(shortLived.slice(-100).map(async id => (await client.get(`${CONTEXTS}/${id}`)).status))
  t.same(statuses.filter(status => status !== 404), [], 'what has ended is gone')
  const states = (await keysCommand(['list'], env)).match(/ (active|retired|destroyed) /g)!.map(state => state.trim())
  t.ok(states.length > ROUNDS && states.filter(state => state === 'active').length === 1, 'one key seals, of many')
  const told = await toldOf(client)
  const events = (id: string | undefined) => told.get(id!)?.join(' ')
  t.same([...told].filter(([id]) => !['created', 'created deleted', 'created expired'].includes(events(id)!)), [], 'each is told once')
  const isTold = ({ id }: Written) => deleted.has(id) ? events(id) === 'created deleted' : events(id) !== undefined
  t.same(created.filter(context => !isTold(context)), [], 'nothing is untold')
  t.same((await verifyChains(env.ECTX_STORE)).problems, [])
  for (const gateway of gateways) t.equal((await gateway.stop()).code, 0)
})
