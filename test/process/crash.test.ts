import { setTimeout as wait } from 'node:timers/promises'
import { Level } from 'level'
import t, { type Test } from 'tap'
import { verify } from '../../src/engines/embedded/audit/verify.js'
import { newDataDir } from '../support/data-dir.js'
import { byReference, CONTEXTS, createClient, patient } from '../support/http.js'
import { assertLogTellsOfStore } from '../support/log-of-store.js'
import { startProcess } from '../support/process.js'

/** `CRASH_ROUNDS=100 npm test -- test/process/crash.test.ts` kills it more often. */
const ROUNDS = Number(process.env.CRASH_ROUNDS ?? 20)
const WRITERS = 64

type Gateway = Awaited<ReturnType<typeof startProcess>>

interface Written {
  readonly slug: string
  readonly value: string
  /** The answer, where it was a 201. */
  created?: string
  /** Whether it was to be deleted, and whether that was answered. */
  deletion?: 'asked' | 'answered'
}

/** Writes with many writers, of which each deletes half of what it made, until the server is killed; all that was sent. */
async function writeUntilKilled (t: Test, gateway: Gateway, round: number): Promise<Written[]> {
  const client = createClient(t, gateway.address)
  const written: Written[] = []
  const killed = new AbortController()
  let first = () => {}
  const begun = new Promise<void>(resolve => { first = resolve })
  const writers = Array.from({ length: WRITERS }, async (_, writer) => {
    for (let turn = 0; !killed.signal.aborted; turn++) {
      const slug = `r${round}-w${writer}-${turn}`
      const value = `${slug} `.repeat(1 + (writer * 31 + turn * 17) % 400)
      const context: Written = { slug, value }
      written.push(context)
      const path = turn % 2 === 0 ? CONTEXTS : `${CONTEXTS}/apply`
      const body = { metadata: { slug }, spec: { execution_id: 'wfx', data: { VALUE: { value } } } }
      const answer = await patient(() => client.post(path, body)).catch(() => undefined)
      if (answer === undefined) break
      if (answer.status !== 201) throw new Error(answer.text)
      context.created = answer.text
      first()
      if ((writer + turn) % 2 === 0) continue
      context.deletion = 'asked'
      const deleted = await patient(() => client.send('DELETE', `${CONTEXTS}/${JSON.parse(answer.text).metadata.id}`)).catch(() => undefined)
      if (deleted === undefined) break
      if (deleted.text !== answer.text) throw new Error(deleted.text)
      context.deletion = 'answered'
    }
    killed.abort()
  })
  await begun
  await wait(40 + round * 53 % 160)
  if (round % 3 === 2) await pause(gateway, round % 2 === 0)
  await gateway.kill()
  await Promise.all(writers)
  client.agent.destroy()
  return written
}

/** Has the process stand still for a moment, wherever it is, and perhaps go on for another. */
async function pause ({ child }: Gateway, goesOn: boolean): Promise<void> {
  child.kill('SIGSTOP')
  await wait(50)
  if (!goesOn) return
  child.kill('SIGCONT')
  await wait(20)
}

/** Each of `written` that is not there as it must be, or is there and must not, in a word. */
async function faults (client: ReturnType<typeof createClient>, written: Written[]): Promise<string[]> {
  const found: string[] = []
  await Promise.all(Array.from({ length: WRITERS }, async (_, part) => {
    for (let index = part; index < written.length; index += WRITERS) {
      const { slug, value, created, deletion } = written[index]!
      const bySlug = await patient(() => client.get(byReference(slug)))
      if (deletion === 'answered' && bySlug.status !== 404) found.push(`${slug}: is there again`)
      if (bySlug.status === 404 && (created === undefined || deletion !== undefined)) continue
      if (bySlug.status !== 200) {
        found.push(`${slug}: ${bySlug.status}`)
        continue
      }
      const { metadata, spec } = JSON.parse(bySlug.text)
      const byId = await patient(() => client.get(`${CONTEXTS}/${metadata.id}`))
      if (byId.text !== bySlug.text) found.push(`${slug}: differs by id and by slug`)
      if (bySlug.text !== (created ?? bySlug.text)) found.push(`${slug}: is not what was acknowledged`)
      if (spec.data.VALUE.value !== value) found.push(`${slug}: is not what was sent`)
    }
  }))
  return found
}

t.test(`kill -9 among ${WRITERS} writers and deleters, ${ROUNDS} times, each third behind a SIGSTOP`, async t => {
  const env = { ECTX_DATA_DIR: newDataDir(t) }
  const directory = `${env.ECTX_DATA_DIR}/audit`
  const all: Written[] = []
  for (let round = 0, written: Written[] = []; ; round++) {
    const gateway = await startProcess(t, { env })
    const client = createClient(t, gateway.address)
    t.same(await faults(client, written), [], `round ${round}: what was answered is so, and nothing is there by half`)
    client.agent.destroy()
    if (round === ROUNDS) {
      await gateway.stop()
      break
    }
    written = await writeUntilKilled(t, gateway, round)
    t.same((await verify(directory)).problems, [], 'the log is whole, as it was killed')
    all.push(...written)
  }
  const count = (of: (written: Written) => boolean) => all.filter(of).length
  const [created, deleted] = [count(({ created }) => created !== undefined), count(({ deletion }) => deletion === 'answered')]
  t.ok(created >= ROUNDS && deleted >= ROUNDS, `${created} creates and ${deleted} deletes were answered`)

  // Over HTTP nobody knows the id of a context that was not acknowledged: here nothing can hide.
  const { there, made } = await assertLogTellsOfStore(t, env.ECTX_DATA_DIR)
  const known = new Set(made)
  t.same(all.flatMap(({ created }) => created === undefined ? [] : JSON.parse(created).metadata.id).filter(id => !known.has(id)), [])

  const raw = new Level<string, string>(`${env.ECTX_DATA_DIR}/db`)
  // By its execution and by who made it.
  for (const [index, entries] of Object.entries({ s: 1, x: 2, k: 1 })) {
    const keys = await raw.keys({ gt: `${index}\0`, lt: `${index}\x01` }).all()
    // A key of the ring seals the proof of the whole, too.
    t.equal(keys.length, entries * there.length + Number(index === 'k'), `index ${index} has what it must for each record and no more`)
  }
  await raw.close()
})
