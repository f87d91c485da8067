// `npm run bench:sweep [-- COUNT]`: a gateway that starts on a database full of contexts that have expired, beside one that has none.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { GatewayLoads } from './loads.js'
import { typical, type Round } from './measure.js'
import { idOf } from './record.js'
import { finish, Server } from './servers.js'
import { table, tenths, times } from './table.js'
import { OPERATOR, tokensJson } from './tokens.js'

const LIVE = 1_000
const ROUND_MS = 500
const count = Number(process.argv[2] ?? 1_000_000)

const directory = mkdtempSync('.bench-')
process.on('exit', () => rmSync(directory, { recursive: true, force: true, maxRetries: 10 }))
const tokensFile = `${directory}/tokens.json`
writeFileSync(tokensFile, tokensJson)
const bytesIn = (path: string): number => readdirSync(path, { recursive: true, encoding: 'utf8' })
  .reduce((sum, name) => sum + (statSync(`${path}/${name}`, { throwIfNoEntry: false })?.size ?? 0), 0)
const megabytes = (name: string, part: string) => bytesIn(`${directory}/${name}/${part}`) / 1e6

async function start (name: string, stored: number) {
  await finish('fill.js', [`${directory}/${name}`, String(stored), String(LIVE)])
  const before = megabytes(name, 'db')
  const began = performance.now()
  const server = await Server.start('../../src/main.js', [], {
    ECTX_PORT: '0', ECTX_DATA_DIR: `${directory}/${name}`, ECTX_TOKENS_FILE: tokensFile, ECTX_RATE_LIMIT: '1000000000'
  })
  const ready = await fetch(`${server.client.address}/readyz`)
  return { server, loads: new GatewayLoads(LIVE), before, readyMs: performance.now() - began, status: ready.status, rounds: [] as Round[] }
}

process.stderr.write(`storing ${count} contexts that have expired and ${LIVE} that have not\n`)
const idle = await start('idle', LIVE)
for (let round = 0; round < 6; round++) await roundOf(idle)
const full = await start('full', count + LIVE)
const began = performance.now()

let served = 0
const look = async () => {
  const id = idOf(LIVE + Math.floor(Math.random() * count))
  const { status } = await fetch(`${full.server.client.address}/v1/execution-contexts/${id}`, { headers: { authorization: `Bearer ${OPERATOR}` } })
  if (status !== 404) served++
}
const ends = countLines(`${directory}/full/audit`, '"event":"expired"')
while (ends() < count) {
  for (let times = 0; times < 20; times++) await look()
  full.rounds.push(await roundOf(full))
  idle.rounds.push(await roundOf(idle))
}
const removedS = (performance.now() - began) / 1000
await full.server.quiet()

/** One round of gets, without waiting for the server to be at rest. */
async function roundOf ({ server, loads }: { server: Server, loads: GatewayLoads }): Promise<Round> {
  const { requests, seconds, latencies } = await server.client.run(loads.get, ROUND_MS)
  const part = (share: number) => latencies[Math.floor(requests * share)] ?? NaN
  return { requests, perSecond: requests / seconds, p50: part(0.5), p99: part(0.99), cpu: NaN }
}

/** Counts the lines with `text` that have come into the files of `path` so far. */
function countLines (path: string, text: string): () => number {
  const read = new Map<string, number>()
  let found = 0
  return () => {
    for (const name of readdirSync(path).filter(name => name.endsWith('.jsonl'))) {
      const content = readFileSync(`${path}/${name}`)
      const from = read.get(name) ?? 0
      const end = content.lastIndexOf(10) + 1
      found += content.toString('latin1', from, end).split(text).length - 1
      read.set(name, end)
    }
    return found
  }
}

process.stdout.write(`Node ${process.version}; ${count} contexts that had expired, ${LIVE} live ones, 64 connections that get these.

${table([
  ['', 'sweeping', 'idle', 'ratio'],
  ['/readyz after the start, ms', `${tenths(full.readyMs)} (${full.status})`, tenths(idle.readyMs), ''],
  ['get p50, ms', tenths(typical(full.rounds, 'p50')), tenths(typical(idle.rounds, 'p50')), times(typical(full.rounds, 'p50') / typical(idle.rounds, 'p50'))],
  ['get p99, ms', tenths(typical(full.rounds, 'p99')), tenths(typical(idle.rounds, 'p99')), times(typical(full.rounds, 'p99') / typical(idle.rounds, 'p99'))],
  ['expired ones served', String(served), '', ''],
  ['all removed after, s', tenths(removedS), '', ''],
  ['database before, MB', tenths(full.before), tenths(idle.before), ''],
  ['database after, MB', tenths(megabytes('full', 'db')), tenths(megabytes('idle', 'db')), '']
])}
`)
await Promise.all([full.server.stop(), idle.server.stop()])
