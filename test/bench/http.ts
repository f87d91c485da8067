// `npm run bench`: the gateway as it ships against a bare Fastify server of the same shape, and against itself with
// more and more contexts stored. All servers stand side by side and take turns, so that every ratio is of one moment.
// `-- --sizes 0,10000` says how many are stored, `-- --quick` takes few and short rounds.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { bareLoads, GatewayLoads } from './loads.js'
import { measure, ratio, typical, type Round } from './measure.js'
import { readOptions } from './options.js'
import { requestOf } from './record.js'
import { finish, Server, type Memory } from './servers.js'
import { OPERATOR, tokensJson } from './tokens.js'
import { percent, table, tenths, times, whole } from './table.js'

const { quick, sizes: SIZES } = readOptions(process.argv.slice(2))
const { ROUNDS, ROUND_MS, WARM_MS } = quick ? { ROUNDS: 3, ROUND_MS: 250, WARM_MS: 750 } : { ROUNDS: 5, ROUND_MS: 600, WARM_MS: 3000 }

const GROWING = ['create', 'get', 'getByReference'] as const
const OPERATIONS = [...GROWING, 'reveal', 'env', 'list', 'heartbeat', 'apply', 'replay', 'delete'] as const
const isGrowing = (operation: typeof OPERATIONS[number]): operation is typeof GROWING[number] =>
  (GROWING as readonly string[]).includes(operation)
/** The route of the bare server that each operation is compared with. */
const COUNTERPART = {
  create: 'post',
  get: 'get',
  reveal: 'get',
  env: 'get',
  list: 'get',
  getByReference: 'get',
  heartbeat: 'post',
  apply: 'post',
  replay: 'post',
  delete: 'delete'
} as const

// In the working directory: where temporary files go is memory on many machines.
const directory = mkdtempSync('.bench-')
process.on('exit', () => rmSync(directory, { recursive: true, force: true, maxRetries: 10 }))
// So many a minute that the limit is counted and never reached.
const BOUNDLESS = '1000000000'
const tokensFile = `${directory}/tokens.json`
writeFileSync(tokensFile, tokensJson)
const tell = (text: string) => process.stderr.write(`${text}\n`)

interface Gateway {
  readonly stored: number
  readonly server: Server
  readonly loads: GatewayLoads
  readonly atStart: Memory
  readonly rounds: Record<typeof OPERATIONS[number], Round[]>
}

async function startGateway (stored: number): Promise<Gateway> {
  const began = performance.now()
  await finish('fill.js', [`${directory}/${stored}`, String(stored)])
  tell(`stored ${stored} contexts in ${((performance.now() - began) / 1000).toFixed(1)} s`)
  const server = await Server.start('../../src/main.js', [], { ECTX_PORT: '0', ECTX_DATA_DIR: `${directory}/${stored}`, ECTX_TOKENS_FILE: tokensFile, ECTX_RATE_LIMIT: BOUNDLESS })
  const loads = new GatewayLoads(stored)
  await loads.prepare(server.client.address)
  return {
    stored,
    server,
    loads,
    atStart: server.memory(),
    rounds: { create: [], get: [], getByReference: [], reveal: [], env: [], list: [], heartbeat: [], apply: [], replay: [], delete: [] }
  }
}

/** A bare server that answers what `gateway` answers to a create. */
async function startBare ({ server }: Gateway) {
  const response = await fetch(`${server.client.address}/v1/execution-contexts`, { method: 'POST', body: requestOf(-1), headers: { 'content-type': 'application/json', authorization: `Bearer ${OPERATOR}` } })
  const answer = await response.text()
  if (response.status !== 201) throw new Error(`a create was answered ${response.status}: ${answer}`)
  return { server: await Server.start('bare.js', [answer]), rounds: { post: [] as Round[], get: [] as Round[], delete: [] as Round[] } }
}

const gateways: Gateway[] = []
for (const size of SIZES) gateways.push(await startGateway(size))
const [first] = gateways
if (first === undefined) throw new Error('give at least one size')
const bare = await startBare(first)

tell('warming up')
for (const { server, loads } of gateways) {
  await server.quiet()
  for (const operation of GROWING) await server.client.run(loads[operation], WARM_MS)
}
for (const operation of OPERATIONS.filter(operation => !isGrowing(operation))) {
  await first.server.client.run(first.loads[operation], WARM_MS)
}
for (const load of Object.values(bareLoads)) await bare.server.client.run(load, WARM_MS)

for (let round = 1; round <= ROUNDS; round++) {
  tell(`round ${round} of ${ROUNDS}`)
  for (const operation of OPERATIONS) {
    for (const { server, loads, rounds } of isGrowing(operation) ? gateways : [first]) {
      rounds[operation].push(await measure(server, loads[operation], ROUND_MS))
    }
    const counterpart = COUNTERPART[operation]
    if (bare.rounds[counterpart].length < round) bare.rounds[counterpart].push(await measure(bare.server, bareLoads[counterpart], ROUND_MS))
  }
}

const cells = (name: string, rounds: Round[], compared?: Round[]) => [
  name,
  whole(typical(rounds, 'perSecond')), tenths(typical(rounds, 'p50')), tenths(typical(rounds, 'p99')), whole(typical(rounds, 'cpu')),
  ...compared === undefined ? ['', ''] : [percent(ratio(rounds, compared, 'perSecond')), percent(ratio(compared, rounds, 'cpu'))]
]
const growth = ({ rounds }: Gateway, operation: typeof GROWING[number]) =>
  `${whole(typical(rounds[operation], 'cpu'))} ${times(ratio(rounds[operation], first.rounds[operation], 'cpu'))}`
const resident = ({ all, own, files }: Memory) => `${whole(all)} (${whole(own)} + ${whole(files)})`

process.stdout.write(`Node ${process.version}, 64 connections, medians of ${ROUNDS} rounds; ${first.stored} contexts stored. A create is durable, two of its ten values are
secret and sealed, every caller shows a token, every request is logged and recorded.

${table([
  ['', 'req/s', 'p50 ms', 'p99 ms', 'CPU µs', 'of bare: req/s', 'CPU'],
  ...Object.entries(bare.rounds).map(([name, rounds]) => cells(`bare ${name.toUpperCase()}`, rounds)),
  ...OPERATIONS.map(operation => cells(operation, first.rounds[operation], bare.rounds[COUNTERPART[operation]]))
])}

CPU µs is the server's processor time for a request, all threads. It says more than req/s, for which this client
competes with the server. get and getByReference are a viewer's, redacted; reveal is an operator's get. create and apply (of an existing slug) are compared with bare POST, delete with bare DELETE,
the others with bare GET. "of bare" is how much of the bare server's speed is left, by req/s and by processor time.

${table([
  ['stored', 'create', 'get', 'getByReference', 'MB at start (own + files)', 'MB after the reads'],
  ...gateways.map(gateway => [
    String(gateway.stored),
    ...GROWING.map(operation => growth(gateway, operation)),
    resident(gateway.atStart),
    resident(gateway.server.memory())
  ])
])}

CPU µs for a request, and how that grows with what is stored; reads are of random ids and slugs among all of them.
"files" is memory of mapped files, which the kernel takes back when it is needed elsewhere.
`)
await Promise.all([bare, ...gateways].map(({ server }) => server.stop()))
