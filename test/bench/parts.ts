// `npm run bench:parts`: where the time goes. Gateways that have more and more of their parts, side by side with the bare
// server and in turns.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { bareLoads, GatewayLoads } from './loads.js'
import { measure, ratio, typical, type Round } from './measure.js'
import { Server } from './servers.js'
import { percent, table, tenths, whole } from './table.js'
import { tokensJson } from './tokens.js'

const ROUNDS = 9
const ROUND_MS = 500
const WARM_MS = 3000
const OPERATIONS = ['create', 'get', 'reveal'] as const

const directory = mkdtempSync('.bench-')
process.on('exit', () => rmSync(directory, { recursive: true, force: true, maxRetries: 10 }))

function place (name: string): string {
  const path = `${directory}/${name}`
  mkdirSync(path)
  writeFileSync(`${path}/tokens.json`, tokensJson)
  return path
}
const home = place('gateway')
const gateway = { ECTX_PORT: '0', ECTX_DATA_DIR: `${home}/data`, ECTX_TOKENS_FILE: `${home}/tokens.json`, ECTX_RATE_LIMIT: '1000000000' }
const servers = {
  'bare Fastify': await Server.start('bare.js', ['x'.repeat(1400)]),
  'the gateway\'s HTTP': await Server.start('partial.js', [place('http')]),
  '+ operations, store in memory': await Server.start('partial.js', [place('operations'), 'operations']),
  '+ audit log': await Server.start('partial.js', [place('audit'), 'operations', 'audit']),
  '+ LevelDB: the whole gateway': await Server.start('../../src/main.js', [], gateway)
}
const subjects = Object.entries(servers).map(([name, server], index) => {
  const { post: create, get } = bareLoads
  const loads = index === 0 ? { create, get, reveal: get } : new GatewayLoads(0)
  return { name, server, loads, rounds: { create: [] as Round[], get: [] as Round[], reveal: [] as Round[] } }
})

for (const { server, loads } of subjects) {
  for (const operation of OPERATIONS) await server.client.run(loads[operation], WARM_MS)
}
for (const operation of OPERATIONS) {
  for (let round = 0; round < ROUNDS; round++) {
    for (const { server, loads, rounds } of subjects) rounds[operation].push(await measure(server, loads[operation], ROUND_MS))
  }
}

const [bare] = subjects
process.stdout.write(`Node ${process.version}, 64 connections, medians of ${ROUNDS} rounds; CPU µs for a request, and req/s of bare.

${table([
  ['', ...OPERATIONS.flatMap(operation => [operation, 'of bare'])],
  ...subjects.map(({ name, rounds }) => [
    name,
    ...OPERATIONS.flatMap(operation => [
      (operation === 'create' ? whole : tenths)(typical(rounds[operation], 'cpu')),
      percent(ratio(rounds[operation], bare!.rounds[operation], 'perSecond'))
    ])
  ])
])}

The gateway's HTTP has all that is not the operation: routing, token, rate limit, validation by JSON schema, headers, problem
answers, the log line. Each line below has what the one above has and what it names.
`)
await Promise.all(subjects.map(({ server }) => server.stop()))
