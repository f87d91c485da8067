import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { byReference, CONTEXTS, createClient, type Answer } from '../support/http.js'
import { Pair } from '../support/postgres-pair.js'
import { withSchema } from '../support/postgres.js'
import { startProcess } from '../support/process.js'
import { startProxy } from '../support/tcp-proxy.js'
import { toldOf } from '../support/told.js'
import { until } from '../support/until.js'

/** `FAILOVER_ROUNDS=20` goes round all kinds of trouble. */
const ROUNDS = Number(process.env.FAILOVER_ROUNDS ?? 3)
const WRITERS = 32
const PAUSE_MS = 10

type Proxy = Awaited<ReturnType<typeof startProxy>>
interface Hosts {
  readonly pair: Pair
  /** The way to the one that is the primary when trouble begins. */
  readonly way: Proxy
}

/** What happens to the primary before its standby is promoted; and what then, while the gateways work on. */
const TROUBLES: ReadonlyArray<[title: string, before: (hosts: Hosts) => Promise<void>, after: (hosts: Hosts) => Promise<void>]> = [
  ['killed', async ({ pair }) => { await pair.primary.destroy() }, async () => {}],
  ['frozen, and comes back', async ({ pair }) => { await pair.primary.freeze() }, async ({ pair }) => { pair.standby.thaw() }],
  ['there still, though its standby was promoted', async () => {}, async () => {}],
  ['killed, and started again', async ({ pair }) => { await pair.primary.destroy() }, async ({ pair }) => { await pair.standby.start() }],
  ['out of reach, and comes back', async ({ way }) => { way.set('silent') }, async ({ way }) => { way.set('open') }],
  ['refusing connections, and comes back', async ({ way }) => { way.set('refused') }, async ({ way }) => { way.set('open') }]
]

interface Context {
  readonly slug: string
  /** Where its creation was acknowledged. */
  id?: string
  /** Its deletion was asked for, or acknowledged. */
  deleted?: 'maybe' | 'yes'
}

t.test(`a primary is lost ${ROUNDS} times while two gateways write: what they acknowledged is so, once, and they go on`, async t => {
  const pair = await Pair.start(t)
  const [a, b] = [pair.primary, pair.standby]
  const ways = new Map([[a, await startProxy(t, a.port)], [b, await startProxy(t, b.port)]])
  const hosts = [a, b].map(member => `127.0.0.1:${ways.get(member)!.port}`).join(',')
  const env = withSchema(t, `postgres://ectx@${hosts}/postgres`)
  const gateways = await Promise.all([0, 1].map(() => startProcess(t, { env })))
  const clients = gateways.map(({ address }) => createClient(t, address))

  for (let round = 0; round < ROUNDS; round++) {
    const [title, before, after] = TROUBLES[round % TROUBLES.length]!
    await t.test(`round ${round + 1}: the primary is ${title}`, async t => {
      const load = new Load(t, clients)
      const around = { pair, way: ways.get(pair.primary)! }
      await until(() => load.count > 50)
      await before(around)
      // Every other time round only when the gateways have looked for a primary in vain.
      if (Math.floor(round / TROUBLES.length) % 2 === 1) await sleep(2_000)
      await pair.promote()
      const promoted = performance.now()
      // What is acknowledged from here on, of what is asked from here on, is of the new primary.
      const flowing = await Promise.all(clients.map(async client => {
        const { status } = await client.post(CONTEXTS, contextOf(newSlug()))
        t.equal(status, 201)
        return Math.round(performance.now() - promoted)
      }))
      t.pass(`after the promotion writes flow within ${flowing.join(' and ')} ms`)
      await assertNothingStale(t, clients)
      const { count } = load
      await after(around)
      await until(() => load.count > count + 100)
      await assertNothingStale(t, clients)
      const { contexts, refused } = await load.end()
      t.comment(`${contexts.length} created, ${contexts.filter(({ deleted }) => deleted === 'yes').length} of them deleted, ${refused} refused`)
      await assertKept(t, clients, contexts)
      for (const client of clients) t.equal((await client.get('/readyz')).status, 200)
      await pair.attach()
    })
  }
  for (const gateway of gateways) t.equal((await gateway.stop()).code, 0)
})

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

type Client = ReturnType<typeof createClient>
const newSlug = () => `run-${randomBytes(8).toString('hex')}`
const contextOf = (slug: string) => ({ metadata: { slug }, spec: { execution_id: 'wfx-1', data: { K: { value: 's3cr3t', is_secret: true } } } })

/** Writers that create contexts, read them, and delete each third by another gateway, until they are told to end. */
class Load {
  readonly #contexts: Context[] = []
  readonly #writing: Promise<unknown>
  #refused = 0
  #isOver = false

  constructor (t: Test, clients: readonly Client[]) {
    this.#writing = Promise.all(Array.from({ length: WRITERS }, async (_, writer) => {
      for (let turn = 0; !this.#isOver; turn++) {
        const [near, far] = [clients[writer % clients.length]!, clients[(writer + 1) % clients.length]!]
        await this.#turn(t, near, far, turn % 3 === 0)
        await sleep(PAUSE_MS)
      }
    }))
  }

  /** So many were created, with an answer that said so. */
  get count (): number {
    return this.#contexts.length
  }

  async end () {
    this.#isOver = true
    await this.#writing
    return { contexts: this.#contexts, refused: this.#refused }
  }

  async #turn (t: Test, near: Client, far: Client, isToGo: boolean): Promise<void> {
    const context: Context = { slug: newSlug() }
    const created = await near.post(CONTEXTS, contextOf(context.slug))
    if (created.status !== 201) return this.#refuse(t, created)
    context.id = JSON.parse(created.text).metadata.id
    this.#contexts.push(context)
    const found = await near.get(`${CONTEXTS}/${context.id}`)
    if (found.status !== 200) this.#refuse(t, found)
    if (!isToGo) return
    context.deleted = 'maybe'
    const deleted = await near.send('DELETE', `${CONTEXTS}/${context.id}`)
    if (deleted.status !== 200) return this.#refuse(t, deleted)
    context.deleted = 'yes'
  }

  /** Nobody is refused but by a gateway that waited for a primary for as long as it does, and says when to come back. */
  #refuse (t: Test, { status, headers, text }: Awaited<ReturnType<Client['get']>>): void {
    this.#refused++
    if (status !== 503 || headers['retry-after'] === undefined) t.fail(`${status}: ${text}`)
  }
}

/** What one gateway acknowledges the other serves at once, from when both have acknowledged something by the new primary. */
async function assertNothingStale (t: Test, clients: readonly Client[]): Promise<void> {
  for (const [index, client] of clients.entries()) {
    const other = clients[(index + 1) % clients.length]!
    const slug = newSlug()
    const { metadata: { id } } = JSON.parse((await client.post(CONTEXTS, contextOf(slug))).text)
    t.equal((await other.get(`${CONTEXTS}/${id}`)).status, 200)
    t.equal((await other.send('DELETE', `${CONTEXTS}/${id}`)).status, 200)
    t.equal((await client.get(byReference(slug))).status, 404)
  }
}

async function assertKept (t: Test, clients: readonly Client[], contexts: readonly Context[]): Promise<void> {
  const wrong: string[] = []
  const left = [...contexts]
  await Promise.all(Array.from({ length: WRITERS }, async (_, reader) => {
    for (let context = left.pop(); context !== undefined; context = left.pop()) {
      const { slug, id, deleted } = context
      const { status, text } = await clients[reader % clients.length]!.get(byReference(slug))
      const isThere = status === 200 && JSON.parse(text).metadata.id === id
      if (deleted === 'yes' ? status !== 404 : !isThere && !(deleted === 'maybe' && status === 404)) wrong.push(`${slug}: ${status}`)
    }
  }))
  t.same(wrong, [], 'what was acknowledged is so')
  t.equal(new Set(contexts.map(({ id }) => id)).size, contexts.length)

  const told = await toldOf(clients[0]!)
  const twice = [...told].filter(([, events]) => new Set(events).size < events.length)
  t.same(twice, [], 'nothing is told twice')
  const isTold = ({ id, deleted }: Context) => {
    const events = told.get(id!)?.join(' ')
    return events === 'created deleted' ? deleted !== undefined : events === 'created' && deleted !== 'yes'
  }
  t.same(contexts.filter(context => !isTold(context)), [], 'each is told as it was')
}
