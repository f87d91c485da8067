import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import t, { type Test } from 'tap'
import { checkStoreCommand } from '../../src/cli/check-store-command.js'
import { placesIn } from '../../src/config/places.js'
import { readContents } from '../../src/engines/embedded/backup/contents.js'
import { verify } from '../../src/engines/embedded/audit/verify.js'
import { recordsOf } from '../audit/support.js'
import { backUp, newPlace, NO_PROGRESS, restore } from '../cli/backup/support.js'
import { newRootKey, openGateway } from '../cli/copy/support.js'
import { contextBody } from '../support/gateway.js'
import { newDataDir } from '../support/data-dir.js'
import { CONTEXTS, createClient } from '../support/http.js'
import { startProcess } from '../support/process.js'
import { until } from '../support/until.js'

const CLIENTS = 48
const BACKUPS = 4
// So that LevelDB makes tables, and merges them, while it is copied.
const PADDING = 12_000

/** What is known of a context. */
interface Known {
  readonly secret: string
  is: 'there' | 'being deleted' | 'deleted'
}

/** Creates, reveals and deletes with many clients until the answered function is called. */
function work (t: Test, address: string, known: Map<string, Known>) {
  const client = createClient(t, address)
  const ending = new AbortController()
  const one = async (worker: number) => {
    for (let turn = 0; !ending.signal.aborted; turn++) {
      const secret = randomBytes(16).toString('hex')
      const data = { TOKEN: { value: secret, is_secret: true }, PADDING: { value: randomBytes(PADDING / 2).toString('hex') } }
      const created = await client.post(CONTEXTS, contextBody({ metadata: { name: `w${worker}-${turn}` }, spec: { execution_id: 'wfx', data } }))
      if (created.status !== 201) throw new Error(created.text)
      const id = JSON.parse(created.text).metadata.id as string
      const context: Known = { secret, is: 'there' }
      known.set(id, context)
      if (turn % 3 === 0) await client.get(`${CONTEXTS}/${id}`)
      if (turn % 2 === 0) continue
      context.is = 'being deleted'
      const deleted = await client.send('DELETE', `${CONTEXTS}/${id}${turn % 8 === 1 ? '?shred=true' : ''}`)
      if (deleted.status !== 200) throw new Error(deleted.text)
      context.is = 'deleted'
    }
  }
  const working = Promise.all(Array.from({ length: CLIENTS }, (_, worker) => one(worker)))
  return async () => {
    ending.abort()
    await working
  }
}

t.test(`${BACKUPS} backups beside ${CLIENTS} clients: each has what was acknowledged before, and nothing that was deleted before`, async t => {
  const env = { ECTX_DATA_DIR: newDataDir(t), ECTX_ROOT_KEY_FILE: newRootKey(t), ECTX_LOG_LEVEL: 'warn' }
  const gateway = await startProcess(t, { env: { ...env, ECTX_LOG_LEVEL: 'info' } })
  const known = new Map<string, Known>()
  const stop = work(t, gateway.address, known)
  const made: Array<{ to: string, there: Array<[id: string, secret: string]>, gone: string[] }> = []
  for (let backup = 0; backup < BACKUPS; backup++) {
    await until(() => [...known.values()].filter(({ is }) => is === 'deleted').length > 60 * backup + 20)
    const before = new Map([...known].map(([id, { is }]) => [id, is]))
    const to = newPlace(t)
    await backUp(env, to)
    made.push({
      to,
      there: [...before.keys()].flatMap(id => known.get(id)!.is === 'there' ? [[id, known.get(id)!.secret]] : []),
      gone: [...before].flatMap(([id, is]) => is === 'deleted' ? [id] : [])
    })
  }
  await stop()
  await gateway.stop()
  t.same(gateway.lines.filter(({ level }) => level === 'error'), [])

  for (const { to, there, gone } of made) {
    const target = { ...env, ECTX_DATA_DIR: newPlace(t) }
    const { audit } = placesIn(target.ECTX_DATA_DIR)
    await restore(target, to)
    t.match(await checkStoreCommand([], target, NO_PROGRESS, message => t.fail(message)), { isWhole: true })
    const restored = await openGateway(t, target)
    const { records } = (await readContents(to))!
    t.comment(`${records} records, of which ${there.length} must be there; ${gone.length} must not`)
    t.ok(there.length > 0 && gone.length > 0)
    const wrong: string[] = []
    for (const [id, secret] of there) if (await restored.secretOf(id) !== secret) wrong.push(id)
    for (const id of gone) if ((await restored.app.inject(`${CONTEXTS}/${id}`)).statusCode !== 404) wrong.push(id)
    t.same(wrong, [])
    const ids: string[] = []
    for await (const id of restored.ids()) ids.push(id)
    // And what was told of the key ring last.
    t.equal(ids.length + 1, records)
    await restored.close()

    t.same((await verify(audit)).problems, [])
    const events = new Map<string, string[]>()
    for (const { event, context_id: id = '' } of await recordsOf(audit)) events.set(id, [...events.get(id) ?? [], event])
    t.same(ids.filter(id => !events.get(id)?.includes('created') || events.get(id)!.includes('deleted')), [], 'the log tells of each')
    const all = [...events].filter(([, names]) => names.includes('created') && !names.includes('deleted'))
    t.equal(all.length, ids.length, 'and of no other')
    t.notOk(existsSync(placesIn(target.ECTX_DATA_DIR).restoring))
  }
})
