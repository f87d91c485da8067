import { get, type IncomingMessage } from 'node:http'
import t, { type Test } from 'tap'
import { newDataDir } from '../support/data-dir.js'
import { CONTEXTS, createClient, patient } from '../support/http.js'
import { startProcess } from '../support/process.js'
import { until } from '../support/until.js'

/** `EVENT_STREAMS=2000 EVENT_CHANGES=10000 npm test -- test/process/events.test.ts` follows with more, and changes more. */
const STREAMS = Number(process.env.EVENT_STREAMS ?? 50)
const CHANGES = Number(process.env.EVENT_CHANGES ?? 1_000)
const WRITERS = 32

let made = 0

type Gateway = Awaited<ReturnType<typeof startProcess>>

/** Follows the events of an execution; `go` begins or goes on behind the last event that it has. */
function follower (t: Test, execution: string, isSlow: boolean) {
  const told: string[] = []
  let last: string | undefined
  let response: IncomingMessage | undefined
  t.teardown(() => response?.destroy())

  const take = (part: string) => {
    const { id, event, data } = Object.fromEntries(part.split('\n').map(line => line.split(/: (.*)/s).slice(0, 2)))
    if (data === undefined) return
    last = id
    told.push(`${event} ${JSON.parse(data).subject}`)
  }
  return {
    told,
    /** Resolves when it is connected. */
    async go ({ address }: Gateway) {
      const headers = { accept: 'text/event-stream', ...last !== undefined && { 'last-event-id': last } }
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        get(`${address}/v1/events?execution_id=${execution}`, { headers, agent: false }, resolve).on('error', reject)
      })
      if (answer.statusCode !== 200) throw new Error(`${answer.statusCode}`)
      response = answer
      let text = ''
      answer.setEncoding('utf8').on('error', () => {}).on('data', chunk => {
        const parts = (text + chunk).split('\n\n')
        text = parts.pop()!
        for (const part of parts) take(part)
        if (!isSlow) return
        answer.pause()
        setTimeout(() => answer.resume(), 50)
      })
    }
  }
}

/** Makes and deletes contexts until that many changes are made or the gateway is gone. What was acknowledged, by execution, in order. */
async function change (t: Test, { address }: Gateway, many: number) {
  const client = createClient(t, address)
  const acknowledged = new Map<string, string[]>()
  let left = many
  await Promise.all(Array.from({ length: WRITERS }, async (_, writer) => {
    // One writer for each execution: so it is known what comes first.
    const own = Array.from({ length: STREAMS }, (_, index) => index).filter(index => index % WRITERS === writer)
    for (let turn = 0; left > 0 && own.length > 0; turn++) {
      const execution = `run-${own[turn % own.length]}`
      const body = { metadata: { slug: `run-${++made}` }, spec: { execution_id: execution } }
      const created = await patient(() => client.post(CONTEXTS, body)).catch(() => undefined)
      if (created === undefined) return
      if (created.status !== 201) throw new Error(created.text)
      const { id } = JSON.parse(created.text).metadata
      const list = acknowledged.get(execution) ?? []
      acknowledged.set(execution, list)
      list.push(`created ${id}`)
      left--
      if (turn % 3 === 0) continue
      if ((await patient(() => client.send('DELETE', `${CONTEXTS}/${id}`)).catch(() => undefined)) === undefined) return
      list.push(`deleted ${id}`)
      left--
    }
  }))
  client.agent.destroy()
  return acknowledged
}

/** All events of the execution, from the first. */
async function replay (t: Test, { address }: Gateway, execution: string): Promise<string[]> {
  const client = createClient(t, address)
  const all: string[] = []
  const { next } = JSON.parse((await client.send('GET', '/v1/events', { headers: { accept: 'application/json' } })).text)
  for (let after = next.replace(/\d{16}$/, '0'.repeat(16)); ;) {
    const page = JSON.parse((await client.get(`/v1/events?execution_id=${execution}&wait=0s&after=${after}`)).text)
    if (page.events.length === 0) break
    all.push(...page.events.map(({ type, subject }: { type: string, subject: string }) => `${type.split('.').at(-1)} ${subject}`))
    after = page.next
  }
  client.agent.destroy()
  return all
}

t.test(`${STREAMS} streams get exactly their own, in order, over a restart and a kill -9, also those that read slowly`, async t => {
  const dataDir = newDataDir(t)
  const start = () => startProcess(t, { env: { ECTX_DATA_DIR: dataDir } })
  const followers = Array.from({ length: STREAMS }, (_, index) => follower(t, `run-${index}`, index % 5 === 0))
  const expected = new Map<string, string[]>()
  const note = (acknowledged: Map<string, string[]>) => {
    for (const [execution, list] of acknowledged) expected.set(execution, [...expected.get(execution) ?? [], ...list])
  }

  let gateway = await start()
  await Promise.all(followers.map(({ go }) => go(gateway)))
  note(await change(t, gateway, CHANGES / 2))
  await gateway.stop()
  gateway = await start()
  await Promise.all(followers.map(({ go }) => go(gateway)))
  const changing = change(t, gateway, CHANGES / 2)
  await until(() => followers.some(({ told }, index) => told.length > (expected.get(`run-${index}`)?.length ?? 0)))
  await gateway.kill()
  note(await changing)
  gateway = await start()
  await Promise.all(followers.map(({ go }) => go(gateway)))

  for (const [index, { told }] of followers.entries()) {
    const all = await replay(t, gateway, `run-${index}`)
    await until(() => told.length >= all.length)
    if (JSON.stringify(told) !== JSON.stringify(all)) t.same(told, all, `run-${index} is told what the feed has`)
    // A change that was made and not acknowledged may be between: nobody was told that it was not made.
    const acknowledged = expected.get(`run-${index}`) ?? []
    const known = new Set(acknowledged)
    if (JSON.stringify(told.filter(one => known.has(one))) !== JSON.stringify(acknowledged)) t.same(told, acknowledged, `run-${index} is told all`)
  }
  t.ok(followers.reduce((sum, { told }) => sum + told.length, 0) >= CHANGES / 2)
  await gateway.stop()
})
