import { cpSync, renameSync, rmSync } from 'node:fs'
import { Level } from 'level'
import t, { type Test } from 'tap'
import type { AuditEvent } from '../../src/audit/event.js'
import { placesIn } from '../../src/config/places.js'
import { openAuditFiles } from '../../src/engines/embedded/audit/audit-files.js'
import { RingFile } from '../../src/engines/embedded/keys/ring-file.js'
import { decodeValue, encodeValue } from '../../src/engines/embedded/level/level-codec.js'
import { changeKey, expireTimeKey, FEED_KEY, NUMBERS_KEY, recordKey, SET_KEY_KEY, slugKey, STATE_KEY } from '../../src/engines/embedded/level/level-keys.js'
import { LevelStore } from '../../src/engines/embedded/level/level-store.js'
import { KeyRing } from '../../src/secrets/ring.js'
import { checkStoreCommand } from '../../src/cli/check-store-command.js'
import { newDataDir } from '../support/data-dir.js'
import { contextBody, createContext, PATH, post, startGateway } from '../support/gateway.js'
import { assertProblem } from '../support/problem.js'
import { KIND } from '../support/records.js'

type Raw = Level<string, Buffer>
const HEADERS = { 'idempotency-key': 'twice' }
const NAMES = ['one', 'two', 'three', 'four']
const NO_PROGRESS = { isShown: false, begin () {}, add () {}, end () {} }

/** A data directory of a gateway that made and deleted contexts, and functions to change what is in its database, and to start it again. */
async function written (t: Test) {
  const dataDir = newDataDir(t)
  const { database } = placesIn(dataDir)
  const start = async () => startGateway(t, await LevelStore.open(database), { ECTX_DATA_DIR: dataDir })
  const raw = async <T>(work: (raw: Raw) => Promise<T>) => {
    const db: Raw = new Level(database, { valueEncoding: 'buffer' })
    try {
      return await work(db)
    } finally {
      await db.close()
    }
  }
  const entriesOf = (id: string, slug: string) => raw(async db => {
    const all = await db.iterator().all()
    return all.filter(([key]) => key.endsWith(`\0${id}`) || key === slugKey(KIND, '', slug))
  })
  const first = await start()
  const ids: string[] = []
  for (const name of NAMES) ids.push((await createContext(first.app, name)).id)
  const leased = (await post(first.app, contextBody({ metadata: { name: 'leased' }, spec: { ...contextBody().spec, lease: '3600s' } }))).json().metadata.id as string
  await post(first.app, contextBody({ metadata: { name: 'named' } }), PATH, HEADERS)
  const doomed = (await createContext(first.app, 'doomed')).id
  await first.close()
  const before = await entriesOf(doomed, 'doomed')
  const state = await raw(db => db.get(STATE_KEY))
  const lease = await raw(db => db.get(expireTimeKey(KIND, leased)))
  cpSync(database, `${database}-before`, { recursive: true })

  const second = await start()
  await second.app.inject({ method: 'DELETE', url: `${PATH}/${doomed}` })
  await second.app.inject({ method: 'POST', url: `${PATH}/${leased}/heartbeat` })
  await second.close()
  const check = (...args: string[]) => checkStoreCommand(args, { ECTX_DATA_DIR: dataDir }, NO_PROGRESS, () => {})
  const rollBack = () => {
    rmSync(database, { recursive: true })
    cpSync(`${database}-before`, database, { recursive: true })
  }
  return { dataDir, database, start, raw, entriesOf, ids, leased, doomed, before, state, lease, check, rollBack }
}
type Written = Awaited<ReturnType<typeof written>>
type Started = Awaited<ReturnType<Written['start']>>

const problemIn = ({ lines }: Started) => lines.find(({ level, msg }) => level === 'error' && String(msg).startsWith('the store does not hold'))
const get = ({ app }: Started, id: string) => app.inject(`${PATH}/${id}`)

t.test('what is as it was committed is found to be so, and what is not there is not found', async t => {
  const { start, ids, check, doomed } = await written(t)
  const gateway = await start()
  t.match(gateway.lines.find(({ msg }) => msg === 'the store holds what was committed last'), { records: 8 })
  t.equal(problemIn(gateway), undefined)
  t.equal((await get(gateway, ids[0]!)).statusCode, 200)
  t.equal((await get(gateway, doomed)).statusCode, 404)
  await gateway.close()
  t.same(await check(), { text: 'whole: 8 records\n', isWhole: true })
})

t.test('a record that was lost is named, and is neither "not found" nor missed silently in a list; others are served', async t => {
  const { start, raw, entriesOf, ids, check } = await written(t)
  const [lost = '', other = ''] = ids
  const entries = await entriesOf(lost, 'one')
  await raw(db => db.batch(entries.map(([key]) => ({ type: 'del' as const, key }))))
  const gateway = await start()
  t.match(problemIn(gateway), { lost: [lost], wrong: [] })
  assertProblem(t, await get(gateway, lost), { status: 500, code: 'internal' })
  assertProblem(t, await gateway.app.inject(`${PATH}/by-reference?slug=one`), { status: 500, code: 'internal' })
  t.equal((await get(gateway, other)).statusCode, 200)
  t.equal((await get(gateway, 'exec-01m80ddpg6pe3ehx53r2gjgckg')).statusCode, 404, 'the audit log says what there never was')
  const list = (await gateway.app.inject(PATH)).json()
  t.same(list.damaged, [lost])
  t.equal((await post(gateway.app, contextBody({ metadata: { name: 'new' } }))).statusCode, 201)
  const keyed = await post(gateway.app, contextBody({ metadata: { name: 'keyed' } }), PATH, { 'idempotency-key': 'never' })
  assertProblem(t, keyed, { status: 500, code: 'internal' }, 'no log tells of idempotency keys')
  await gateway.close()

  t.match(await check(), { text: new RegExp(`not whole: .*\nlost: ${lost} \\(one\\)`), isWhole: false })
  t.match(await check('--accept'), { text: /accepted: 8 records/, isWhole: true })
  t.match(await check(), { isWhole: true })
  const after = await start()
  t.equal(problemIn(after), undefined)
  t.equal((await get(after, lost)).statusCode, 404)
  t.equal((await get(after, other)).statusCode, 200)
  t.match((await after.app.inject('/v1/audit-events?page_size=1000')).json().events.map(({ event }: { event: string }) => event), /accepted_store/)
})

t.test('a record that was deleted and is back is named, and not shown', async t => {
  const { start, raw, doomed, before, ids, check } = await written(t)
  await raw(db => db.batch(before.map(([key, value]) => ({ type: 'put' as const, key, value }))))
  const gateway = await start()
  t.match(problemIn(gateway), { lost: [], wrong: [doomed] })
  assertProblem(t, await get(gateway, doomed), { status: 500, code: 'internal' })
  assertProblem(t, await gateway.app.inject(`${PATH}/by-reference?slug=doomed`), { status: 500, code: 'internal' })
  t.notMatch((await gateway.app.inject(PATH)).json().execution_contexts.map(({ metadata }: any) => metadata.id), [doomed])
  t.equal((await get(gateway, ids[0]!)).statusCode, 200)
  await gateway.close()
  t.match(await check('--accept'), { isWhole: true })
  t.equal((await get(await start(), doomed)).statusCode, 404)
})

t.test('a database that is older than its audit log is found out', async t => {
  const { start, rollBack, doomed, ids } = await written(t)
  rollBack()
  const gateway = await start()
  t.match(problemIn(gateway), { problem: /older than its audit log/, wrong: [doomed] })
  assertProblem(t, await get(gateway, doomed), { status: 500, code: 'internal' })
  t.equal((await get(gateway, ids[0]!)).statusCode, 200)
  await gateway.close()
  t.match(problemIn(await start()), { wrong: [doomed] }, 'and again at each start')
})

const changes: Readonly<Record<string, (written: Written) => Promise<unknown>>> = {
  'the state is removed': ({ raw }) => raw(db => db.del(STATE_KEY)),
  'the state is of before': ({ raw, state }) => raw(db => db.put(STATE_KEY, state!)),
  'the key of the state is removed': ({ raw }) => raw(db => db.del(SET_KEY_KEY)),
  'all of the proof is removed': ({ raw }) => raw(db => db.batch([{ type: 'del', key: STATE_KEY }, { type: 'del', key: SET_KEY_KEY }])),
  'a lease is of before': ({ raw, leased, lease }) => raw(db => db.put(expireTimeKey(KIND, leased), lease!)),
  'a slug is lost': ({ raw }) => raw(db => db.del(slugKey(KIND, '', 'one'))),
  'a slug leads elsewhere': ({ raw, ids }) => raw(db => db.put(slugKey(KIND, '', 'one'), Buffer.from(ids[1]!))),
  'what is kept of an idempotency key is lost': ({ raw }) => raw(async db => {
    const [key] = await db.keys({ gt: 'r\0idempotency_key\0', limit: 1 }).all()
    await db.del(key!)
  }),
  'an entry of an index is lost': ({ raw }) => raw(async db => db.del((await db.keys({ gt: 'x\0', limit: 1 }).all())[0]!)),
  'an index has an entry more': ({ raw }) => raw(db => db.put(`x\0${KIND}\0execution_id\0"wfx-1"\0exec-0`, Buffer.alloc(0))),
  'an entry of the expiry index is lost': ({ raw }) => raw(async db => db.del((await db.keys({ gt: 'e\0', limit: 1 }).all())[0]!)),
  'a record is gone, and the database is new': async ({ database }) => rmSync(database, { recursive: true })
}
for (const [what, change] of Object.entries(changes)) {
  t.test(`is found out: ${what}`, async t => {
    const directory = await written(t)
    await change(directory)
    const gateway = await directory.start()
    t.ok(problemIn(gateway), 'the log tells')
    t.equal((await post(gateway.app, contextBody({ metadata: { name: 'more' } }))).statusCode, 201)
    await gateway.close()
    t.same(await directory.raw(db => db.keys({ gt: 'u\0', lt: 'u\x01' }).all()), [], 'no change is kept for a proof that is refused')
    t.match(await directory.check(), { isWhole: false })
    t.match(await directory.check('--accept'), { isWhole: true })
    const after = await directory.start()
    t.equal(problemIn(after), undefined, 'it can be accepted')
    t.equal((await post(after.app, contextBody({ metadata: { name: 'new' } }))).statusCode, 201)
  })
}

t.test('any bit of the state and of its key that is another is found out', async t => {
  const { raw, start } = await written(t)
  for (const key of [STATE_KEY, SET_KEY_KEY]) {
    const value = (await raw(db => db.get(key)))!
    for (const at of [0, 9, 17, 30, 45, value.length - 1].filter(at => at < value.length)) {
      await raw(db => db.put(key, value.map((byte, index) => index === at ? byte ^ 1 : byte) as Buffer))
      const gateway = await start()
      t.ok(problemIn(gateway), `${key}, byte ${at}`)
      await gateway.close()
    }
    await raw(db => db.put(key, value))
  }
  const { lines } = await start()
  t.notOk(lines.find(({ level, msg }) => level === 'error' && String(msg).startsWith('the store does not hold')))
})

t.test('a number that was set back gives no number twice', async t => {
  const { raw, start } = await written(t)
  await raw(db => db.del(NUMBERS_KEY))
  const gateway = await start()
  t.equal(problemIn(gateway), undefined)
  await createContext(gateway.app, 'more')
  const commits = (await gateway.app.inject('/v1/audit-events?page_size=1000')).json().events.flatMap(({ commit = [] }: any) => commit)
  t.same(commits, [...new Set(commits)].sort((a: any, b: any) => a - b))
  t.equal(commits.length, 9)
})

t.test('a record whose key no longer leads to it, though it is there, is named', async t => {
  const { raw, start, ids } = await written(t)
  await raw(async db => db.put(recordKey(KIND, ids[0]!), Buffer.from('garbage')))
  const gateway = await start()
  t.match(problemIn(gateway), { wrong: [ids[0]], damaged: [ids[0]] })
})

/** As `written`, with events in the store that the audit log has not got, as a crash leaves them; one of them was changed. */
async function crashed (t: Test) {
  const directory = await written(t)
  const { database, audit, keyRing } = placesIn(directory.dataDir)
  const append = async (isKeyThere: boolean, ...requests: string[]) => {
    const store = await LevelStore.open(database)
    if (isKeyThere) t.equal(await store.integrity.prove(await KeyRing.open({ store: new RingFile(keyRing) }), async () => false), undefined)
    for (const id of requests) await store.outbox.append(denied(id))
    await store.close()
  }
  await append(true, 'proved', 'true')
  await directory.raw(async db => {
    for await (const [key, value] of db.iterator({ gt: 'a\0', lt: 'a\x01' })) {
      const { head = '', body } = decodeValue(key, value) ?? {}
      await db.put(key, encodeValue(key, head.replace('true', 'false'), body))
    }
  })
  const told = async (gateway: Started) => {
    const { events } = (await gateway.app.inject('/v1/audit-events?page_size=1000')).json()
    return events.filter(({ event }: AuditEvent) => event === 'denied' || event === 'lost').map((event: AuditEvent) => event.request_id ?? event.event)
  }
  return { ...directory, audit, keyRing, append, told }
}

const denied = (id: string): AuditEvent =>
  ({ event: 'denied', caller: { name: 'ci', kind: 'token' }, request_id: id, outcome: 'permission_denied' })

t.test('an audit event that a crash left is believed where it is proved, and told as lost where not', async t => {
  const { database, audit, start, append, told } = await crashed(t)
  await append(false, 'key away')
  const store = await LevelStore.open(database)
  const log = await openAuditFiles(store.outbox, { directory: audit })
  t.notMatch((await log.query({ pageSize: 1_000 })).events.map(({ event }) => event), ['denied'], 'it waits until the key is there')
  await log.close()
  await store.close()
  t.same(await told(await start()), ['proved', 'lost', 'key away'])
})

t.test('where no key can prove an audit event that a crash left, it is told as it is', async t => {
  const { keyRing, start, told } = await crashed(t)
  renameSync(keyRing, `${keyRing}.away`)
  t.same(await told(await start()), ['proved', 'false'])
})

t.test('events that were changed, removed or cut off at the end are told as lost, and no others', async t => {
  const changes: Array<[what: string, change: (raw: Raw) => Promise<unknown>, lost: number[]]> = [
    ['changed', async raw => {
      const { head, body } = decodeValue(changeKey(2), (await raw.get(changeKey(2)))!)!
      await raw.put(changeKey(2), encodeValue(changeKey(2), head.replace('created', 'deleted'), body))
    }, [2]],
    ['exchanged', async raw => {
      const [second, third] = [await raw.get(changeKey(2)), await raw.get(changeKey(3))]
      for (const [at, from] of [[2, third], [3, second]] as const) {
        const { head, body } = decodeValue(changeKey(5 - at), from!)!
        await raw.put(changeKey(at), encodeValue(changeKey(at), head, body))
      }
    }, [2, 3]],
    ['garbled', raw => raw.put(changeKey(1), Buffer.from('garbage')), [1]],
    ['removed', raw => raw.del(changeKey(4)), [4]],
    ['cut off', async raw => {
      const { epoch } = JSON.parse(decodeValue(FEED_KEY, (await raw.get(FEED_KEY))!)!.head)
      await raw.batch([7, 8].map(number => ({ type: 'del' as const, key: changeKey(number) })))
      await raw.put(FEED_KEY, encodeValue(FEED_KEY, JSON.stringify({ epoch, first: 0, last: 6 })))
    }, [7, 8]]
  ]
  for (const [what, change, lost] of changes) {
    const { raw, start } = await written(t)
    await raw(change)
    const { app, close } = await start()
    const page = async (after: string) => (await app.inject({ url: `/v1/events?after=${after}`, headers: { accept: 'application/json' } })).json()
    const { next } = await page('now')
    const { events } = await page(next.replace(/\d{16}$/, '0'.repeat(16)))
    const told = events.map(({ type }: { type: string }) => type.split('.').at(-1))
    t.same(told.flatMap((type: string, index: number) => type === 'lost' ? [index + 1] : []), lost, what)
    t.equal(told.length, 8, what)
    t.ok(events.every(({ type, data, time, subject }: any) => type.endsWith('.lost') === (data === undefined && time === undefined && subject === undefined)))
    await close()
  }
})
