import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { systemClock } from '../../../src/clock.js'
import type { Feed } from '../../../src/storage/feed.js'
import { newDataDir } from '../../support/data-dir.js'
import { KIND, newRecord } from '../../support/records.js'
import { postgresEngines } from './support.js'

const GATEWAYS = 3
const WRITERS = 64
const TURNS = 40

const { open, url, schemaOf } = await postgresEngines(t)

/** All changes up to the last of them, as one sees them who asks all the time. */
async function follow (feed: Feed, total: number): Promise<string[]> {
  const found: string[] = []
  for (let position: string | undefined; found.length < total;) {
    const changes = await feed.changes(position, 100)
    found.push(...changes.map(({ event }) => `${event!.id} ${event!.data}`))
    position = changes.at(-1)?.position ?? position
    if (changes.length === 0) await sleep(1)
  }
  return found
}

t.test(`${GATEWAYS} gateways whose ${WRITERS} writers make changes tell all who follow of each once, and in one order`, async t => {
  const directory = newDataDir(t)
  const engines = await Promise.all(Array.from({ length: GATEWAYS }, (_, index) => open(directory, systemClock, `g${index}`)))
  t.teardown(() => Promise.all(engines.map(({ close }) => close())))
  const total = WRITERS * TURNS * 2
  const following = engines.map(({ feed }) => follow(feed, total))
  const tell = (id: string, what: string) => ({ events: [{ kind: KIND, id, data: what }] })
  await Promise.all(Array.from({ length: WRITERS }, async (_, writer) => {
    for (let turn = 0; turn < TURNS; turn++) {
      const id = `${writer}-${turn}`
      await engines[(writer + turn) % GATEWAYS]!.store.insert(newRecord(id), tell(id, 'made'))
      await engines[(writer + turn + 1) % GATEWAYS]!.store.remove(KIND, id, undefined, () => tell(id, 'gone'))
    }
  }))
  const [first, ...others] = await Promise.all(following)
  t.equal(new Set(first).size, total)
  for (const other of others) t.same(other, first)
  const wrong = first!.filter((change, at) => change.endsWith('gone') && first!.indexOf(change.replace('gone', 'made')) > at)
  t.same(wrong, [])
})

t.test('of a schema that was restored in a cluster whose transactions have smaller numbers the feed begins anew, and goes on', async t => {
  const directory = newDataDir(t)
  const { store, close } = await open(directory, systemClock)
  const tell = (id: string) => store.insert(newRecord(id), { events: [{ kind: KIND, id, data: '' }] })
  await tell('a')
  const client = new pg.Client({ connectionString: url, options: `-c search_path=${schemaOf(directory)}` })
  await client.connect()
  await client.query("UPDATE change SET xid = '900000000000'; UPDATE feed SET xid = '800000000000'")
  await client.end()
  await close()

  const again = await open(directory, systemClock)
  t.teardown(() => again.close())
  t.same(await again.feed.changes(undefined, 9), [])
  await again.store.insert(newRecord('b'), { events: [{ kind: KIND, id: 'b', data: '' }] })
  t.match(await again.feed.changes(undefined, 9), [{ event: { id: 'b' } }])
  await t.rejects(again.feed.changes('00000000900000000000-00000000000000000001', 9), { code: 'invalid_argument' })
})
