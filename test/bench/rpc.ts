// `npm run bench:rpc`: gRPC and Connect beside REST, on one gateway, in turns. `-- --quick` takes few and short rounds.
import { fromBinary, fromJsonString, toBinary } from '@bufbuild/protobuf'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { ExecutionContextSchema } from '../../src/gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { freePort } from '../support/free-port.js'
import type { Load } from './client.js'
import { GrpcClient, type GrpcLoad } from './grpc-client.js'
import { GatewayLoads } from './loads.js'
import { measure, ratio, typical, type Round } from './measure.js'
import { requestOf } from './record.js'
import { Server } from './servers.js'
import { table, times, whole } from './table.js'
import { OPERATOR, tokensJson, VIEWER } from './tokens.js'

const { quick } = parseArgs({ options: { quick: { type: 'boolean', default: false } } }).values
const { ROUNDS, ROUND_MS, WARM_MS } = quick ? { ROUNDS: 3, ROUND_MS: 250, WARM_MS: 750 } : { ROUNDS: 7, ROUND_MS: 1000, WARM_MS: 4000 }
const IN_FLIGHT = 64
const SERVICES = '/ai.stigmer.agentic.executioncontext.v1.ExecutionContext'
const OPERATIONS = ['create', 'get', 'reveal'] as const

const directory = mkdtempSync('.bench-')
process.on('exit', () => rmSync(directory, { recursive: true, force: true, maxRetries: 10 }))
const tokensFile = `${directory}/tokens.json`
writeFileSync(tokensFile, tokensJson)
const grpcPort = String(await freePort())
const server = await Server.start('../../src/main.js', [], {
  ECTX_PORT: '0', ECTX_GRPC_PORT: grpcPort, ECTX_DATA_DIR: `${directory}/data`, ECTX_TOKENS_FILE: tokensFile, ECTX_RATE_LIMIT: '1000000000'
})
const rest = new GatewayLoads(0)
const ids: string[] = []
const anyId = () => ids[Math.floor(Math.random() * ids.length)]!
let nextNew = 20_000_000

const grpc: Readonly<Record<typeof OPERATIONS[number], GrpcLoad>> = {
  create: {
    path: `${SERVICES}CommandController/create`,
    token: OPERATOR,
    next: () => ({
      message: Buffer.from(toBinary(ExecutionContextSchema, fromJsonString(ExecutionContextSchema, requestOf(nextNew++)))),
      answered: answer => ids.push(fromBinary(ExecutionContextSchema, answer).metadata!.id)
    })
  },
  get: { path: `${SERVICES}QueryController/get`, token: VIEWER, next: () => ({ message: Buffer.from(`\x0a${String.fromCharCode(31)}${anyId()}`) }) },
  reveal: { path: `${SERVICES}QueryController/get`, token: OPERATOR, next: () => ({ message: Buffer.from(`\x0a${String.fromCharCode(31)}${anyId()}`) }) }
}

const post = (path: string, token: string, body: string): string =>
  `POST ${SERVICES}${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
const connect: Readonly<Record<typeof OPERATIONS[number], Load>> = {
  create: { status: 200, next: () => ({ text: post('CommandController/create', OPERATOR, requestOf(nextNew++)) }) },
  get: { status: 200, next: () => ({ text: post('QueryController/get', VIEWER, `{"value":"${anyId()}"}`) }) },
  reveal: { status: 200, next: () => ({ text: post('QueryController/get', OPERATOR, `{"value":"${anyId()}"}`) }) }
}

const client = new GrpcClient(`127.0.0.1:${grpcPort}`, IN_FLIGHT)
const TRANSPORTS = {
  REST: (operation: typeof OPERATIONS[number], ms: number) => measure(server, rest[operation], ms),
  gRPC: (operation: typeof OPERATIONS[number], ms: number) => measure(server, grpc[operation], ms, client),
  'Connect, JSON': (operation: typeof OPERATIONS[number], ms: number) => measure(server, connect[operation], ms)
}
type Name = keyof typeof TRANSPORTS

const rounds = new Map<string, Round[]>()
for (let round = 0; round <= ROUNDS; round++) {
  process.stderr.write(round === 0 ? 'warming up\n' : `round ${round} of ${ROUNDS}\n`)
  for (const operation of OPERATIONS) {
    for (const [name, run] of Object.entries(TRANSPORTS)) {
      const done = await run(operation, round === 0 ? WARM_MS : ROUND_MS)
      const key = `${operation} ${name}`
      if (round > 0) rounds.set(key, [...rounds.get(key) ?? [], done])
    }
  }
}
client.close()
await server.stop()

const row = (operation: string, name: Name) => {
  const [ours, compared] = [rounds.get(`${operation} ${name}`)!, rounds.get(`${operation} REST`)!]
  return [`${operation} ${name}`, whole(typical(ours, 'perSecond')), whole(typical(ours, 'cpu')), times(ratio(ours, compared, 'cpu'))]
}
process.stdout.write(`Node ${process.version}, ${IN_FLIGHT} in flight, medians of ${ROUNDS} rounds; gRPC on one connection.

${table([['', 'req/s', 'CPU µs', 'of REST'], ...OPERATIONS.flatMap(operation => (Object.keys(TRANSPORTS) as Name[]).map(name => row(operation, name)))])}
`)
