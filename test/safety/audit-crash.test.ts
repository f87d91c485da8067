import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { verify } from '../../src/engines/embedded/audit/verify.js'
import { LevelStore } from '../../src/engines/embedded/level/level-store.js'
import { recordsOf } from '../audit/support.js'
import { newDataDir } from '../support/data-dir.js'
import { contextBody } from '../support/gateway.js'
import { CONTEXTS, createClient } from '../support/http.js'
import { startProcess } from '../support/process.js'
import { KIND } from '../support/records.js'

const CLIENTS = 64
const ROUNDS = 5

/** What was acknowledged of one context. */
interface Acknowledged {
  readonly id: string
  reveals: number
  /** Whether the server was killed before it answered the last reveal: it may have recorded that too. */
  isOpen: boolean
}

/** Creates and reveals with many clients until the server is killed. */
async function workUntilKilled (t: Test, gateway: Awaited<ReturnType<typeof startProcess>>, round: number): Promise<Acknowledged[]> {
  const client = createClient(t, gateway.address)
  const acknowledged: Acknowledged[] = []
  let begun = () => {}
  const first = new Promise<void>(resolve => { begun = resolve })
  const work = async (worker: number) => {
    for (let turn = 0; ; turn++) {
      const created = await client.post(CONTEXTS, contextBody({ metadata: { name: `r${round}-w${worker}-${turn}` } })).catch(() => undefined)
      if (created === undefined) return
      if (created.status !== 201) throw new Error(created.text)
      const context: Acknowledged = { id: JSON.parse(created.text).metadata.id, reveals: 0, isOpen: false }
      acknowledged.push(context)
      for (let reveal = 0; reveal < turn % 3; reveal++) {
        const revealed = await client.get(`${CONTEXTS}/${context.id}`).catch(() => undefined)
        if (revealed === undefined) {
          context.isOpen = true
          return
        }
        if (revealed.text !== created.text) throw new Error(revealed.text)
        context.reveals++
      }
      if (turn === 3) begun()
    }
  }
  const working = Promise.all(Array.from({ length: CLIENTS }, (_, worker) => work(worker)))
  await Promise.race([first, working])
  await wait(20 + round * 37)
  await gateway.kill()
  await working
  client.agent.destroy()
  return acknowledged
}

t.test(`kill -9 among ${CLIENTS} clients, ${ROUNDS} times: what was acknowledged is in the audit log, and the log is whole`, async t => {
  const env = { ECTX_DATA_DIR: newDataDir(t) }
  const directory = join(env.ECTX_DATA_DIR, 'audit')
  const acknowledged: Acknowledged[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const found = await workUntilKilled(t, await startProcess(t, { env }), round)
    t.ok(found.length > 0, `${found.length} contexts were acknowledged`)
    acknowledged.push(...found)
    t.same((await verify(directory)).problems, [], 'as it was killed')
  }
  const gateway = await startProcess(t, { env })
  await gateway.stop()
  t.same((await verify(directory)).problems, [])
  t.same(gateway.lines.filter(({ level }) => level === 'error'), [])

  const events = new Map<string, string[]>()
  const records = await recordsOf(directory)
  for (const { event, context_id: id = '' } of records) events.set(id, [...events.get(id) ?? [], event])
  const wrong = acknowledged.filter(({ id, reveals, isOpen }) => {
    const [created, ...others] = events.get(id) ?? []
    return created !== 'created' || others.some(event => event !== 'revealed') || others.length < reveals || others.length > reveals + Number(isOpen)
  })
  t.same(wrong, [])
  const store = await LevelStore.open(join(env.ECTX_DATA_DIR, 'db'))
  const { records: stored } = await store.page(KIND, {}, undefined, acknowledged.length + ROUNDS * CLIENTS)
  await store.close()
  t.ok(stored.length >= acknowledged.length)
  t.same(stored.filter(({ id }) => !events.has(id)), [], 'nothing exists that the log does not know')
  t.same(records.map(({ sequence }) => sequence), Array.from(records, (_, index) => index + 1))
  t.equal(records.filter(({ event }) => event === 'started').length, ROUNDS + 1)
  t.equal(records.filter(({ event }) => event === 'stopped').length, 1)
})
