import { setTimeout as wait } from 'node:timers/promises'
import { Level } from 'level'
import t, { type Test } from 'tap'
import { LevelStore } from '../../src/engines/embedded/level/level-store.js'
import { newDataDir } from '../support/data-dir.js'
import { byReference, CONTEXTS, createClient } from '../support/http.js'
import { startProcess } from '../support/process.js'
import { KIND } from '../support/records.js'

const ROUNDS = 20
const WRITERS = 64

interface Written {
  readonly slug: string
  readonly value: string
  /** The answer, where it was a 201. */
  readonly acknowledged?: string
}

/** Writes with many writers until the server is killed; everything that was sent, acknowledged or not. */
async function writeUntilKilled (t: Test, gateway: Awaited<ReturnType<typeof startProcess>>, round: number): Promise<Written[]> {
  const client = createClient(t, gateway.address)
  const written: Written[] = []
  let alive = true
  let first = () => {}
  const begun = new Promise<void>(resolve => { first = resolve })
  const writers = Array.from({ length: WRITERS }, async (_, writer) => {
    for (let turn = 0; alive; turn++) {
      const slug = `r${round}-w${writer}-${turn}`
      const value = `${slug} `.repeat(1 + (writer * 31 + turn * 17) % 400)
      const path = turn % 2 === 0 ? CONTEXTS : `${CONTEXTS}/apply`
      const answer = await client.post(path, { metadata: { slug }, spec: { execution_id: 'wfx', data: { VALUE: { value } } } }).catch(() => undefined)
      if (answer === undefined) alive = false
      else if (answer.status !== 201) throw new Error(answer.text)
      written.push({ slug, value, acknowledged: answer?.text })
      first()
    }
  })
  await begun
  await wait(40 + round * 53 % 160)
  await gateway.kill()
  await Promise.all(writers)
  client.agent.destroy()
  return written
}

/** Each of `written` that is not there as it must be, in a word. */
async function faults (client: ReturnType<typeof createClient>, written: Written[]): Promise<string[]> {
  const found: string[] = []
  await Promise.all(Array.from({ length: WRITERS }, async (_, part) => {
    for (let index = part; index < written.length; index += WRITERS) {
      const { slug, value, acknowledged } = written[index]!
      const bySlug = await client.get(byReference(slug))
      if (bySlug.status === 404 && acknowledged === undefined) continue
      if (bySlug.status !== 200) {
        found.push(`${slug}: ${bySlug.status}`)
        continue
      }
      const { metadata, spec } = JSON.parse(bySlug.text)
      const byId = await client.get(`${CONTEXTS}/${metadata.id}`)
      if (byId.text !== bySlug.text) found.push(`${slug}: differs by id and by slug`)
      if (bySlug.text !== (acknowledged ?? bySlug.text)) found.push(`${slug}: is not what was acknowledged`)
      if (spec.data.VALUE.value !== value) found.push(`${slug}: is not what was sent`)
    }
  }))
  return found
}

t.test(`kill -9 among ${WRITERS} writers, ${ROUNDS} times: what was acknowledged is there, and nothing is there by half`, async t => {
  const env = { ECTX_DATA_DIR: newDataDir(t) }
  let written: Written[] = []
  let acknowledged = 0
  for (let round = 0; ; round++) {
    const gateway = await startProcess(t, { env })
    const client = createClient(t, gateway.address)
    t.same(await faults(client, written), [], `round ${round}`)
    client.agent.destroy()
    if (round === ROUNDS) {
      await gateway.kill()
      break
    }
    written = await writeUntilKilled(t, gateway, round)
    acknowledged += written.filter(({ acknowledged }) => acknowledged !== undefined).length
  }
  t.ok(acknowledged >= ROUNDS, `${acknowledged} were acknowledged`)

  // Over HTTP nobody knows the id of a context that was not acknowledged: here nothing can hide.
  const store = await LevelStore.open(`${env.ECTX_DATA_DIR}/db`)
  let records = 0
  for (let cursor: string | undefined; ;) {
    const page = await store.page(KIND, {}, cursor, 500)
    t.same(page.damaged, [])
    for (const record of page.records) if ((await store.findBySlug(KIND, record.slug))?.id !== record.id) t.fail(`${record.id} is not under its slug`)
    records += page.records.length
    if ((cursor = page.cursor) === undefined) break
  }
  await store.close()
  const raw = new Level<string, string>(`${env.ECTX_DATA_DIR}/db`)
  for (const index of ['s', 'x']) t.equal((await raw.keys({ gt: `${index}\0`, lt: `${index}\x01` }).all()).length, records, `index ${index} has an entry for each record and no more`)
  await raw.close()
})
