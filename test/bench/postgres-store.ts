import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../src/clock.js'
import { loadConfig } from '../../src/config/config.js'
import { openEngine } from '../../src/engines/open-engine.js'
import { newEvent } from '../audit/support.js'
import { KIND, newRecord } from '../support/records.js'
import { median } from './measure.js'
import type { Database } from './postgres.js'
import { table, times, whole } from './table.js'

const IN_FLIGHT = 64
const ROUND_MS = 1_000
const ROUNDS = 5
const BODY = Buffer.alloc(1024, 'x')

interface Round {
  readonly perSecond: number
  /** Microseconds of this process, and of all processes of the server, for each. */
  readonly cpu: number
  readonly server: number
}

/** Microseconds that the processes which `pid` has started have taken so far; Linux counts in hundredths of a second. */
function cpuBelow (pid: number): number {
  return readdirSync('/proc').filter(name => /^\d+$/.test(name)).reduce((sum, name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return Number(fields[1]) === pid ? sum + (Number(fields[11]) + Number(fields[12])) * 10_000 : sum
    } catch {
      // It ended meanwhile.
      return sum
    }
  }, 0)
}

/** Does `work` for as long as a round takes, or `most` times, so many at a time. */
async function round (work: (n: number) => Promise<unknown>, most: number, pid: number): Promise<Round> {
  const began = performance.now()
  const { user, system } = process.cpuUsage()
  const server = cpuBelow(pid)
  let count = 0
  await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
    while (performance.now() - began < ROUND_MS && count < most) await work(count++)
  }))
  const spent = process.cpuUsage({ user, system })
  const perSecond = count / (performance.now() - began) * 1000
  return { perSecond, cpu: (spent.user + spent.system) / count, server: (cpuBelow(pid) - server) / count }
}

/** The store on PostgreSQL beside the store on LevelDB, with 64 changes or reads in flight, in one run. */
export async function measureStores ({ url, pid, rootKeyFile, directory }: Database): Promise<string> {
  const openOn = (store: string, name: string) => openEngine(loadConfig({
    ECTX_STORE: store, ECTX_DATA_DIR: join(directory, name), ECTX_ROOT_KEY_FILE: rootKeyFile
  }), systemClock, () => {})
  const engines = { LevelDB: await openOn('embedded', 'level'), PostgreSQL: await openOn(`${url}?schema=store`, 'postgres') }
  const results = new Map<string, Round[]>()
  let next = 0
  for (let turn = 0; turn <= ROUNDS; turn++) {
    for (const [name, { store, audit }] of Object.entries(engines)) {
      const first = next
      const idOf = (n: number) => `exec-${String(n).padStart(26, '0')}`
      const works = {
        create: async () => {
          const id = idOf(next++)
          await store.insert(newRecord(id, { body: BODY, expireTime: systemClock.now() + 3_600_000 }), { audit: [newEvent(id)] })
        },
        'record a reveal': (n: number) => audit.record(newEvent(String(n))),
        get: (n: number) => store.find(KIND, idOf(first + n % (next - first))),
        heartbeat: (n: number) => store.renew(KIND, idOf(first + n % (next - first)), { expireTime: systemClock.now() + 7_200_000 }),
        remove: (n: number) => store.remove(KIND, idOf(first + n), undefined, () => ({ audit: [newEvent(String(n))] }))
      }
      for (const [operation, work] of Object.entries(works)) {
        const measured = await round(work, operation === 'remove' ? next - first : Infinity, pid)
        const key = `${operation} ${name}`
        // The first round of each warms it up.
        if (turn > 0) results.set(key, [...results.get(key) ?? [], measured])
      }
    }
  }

  const typical = (key: string, of: keyof Round) => median(results.get(key)!.map(round => round[of]))
  const rows = ['create', 'record a reveal', 'get', 'heartbeat', 'remove'].map(operation => {
    const [level, postgres] = ['LevelDB', 'PostgreSQL'].map(name => (of: keyof Round) => typical(`${operation} ${name}`, of))
    return [
      operation, ...(['perSecond', 'cpu', 'server'] as const).map(of => whole(postgres!(of))), whole(level!('perSecond')), whole(level!('cpu')),
      times(postgres!('cpu') / level!('cpu'))
    ]
  })
  await Promise.all(Object.values(engines).map(engine => engine.close()))
  return table([['the store alone', 'PostgreSQL/s', 'client CPU µs', 'server CPU µs', 'LevelDB/s', 'CPU µs', 'CPU ratio'], ...rows])
}
