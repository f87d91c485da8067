import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { GatewayLoads } from './loads.js'
import { median } from './measure.js'
import type { Database } from './postgres.js'
import { Server } from './servers.js'
import { table, times, whole } from './table.js'
import { tokensJson } from './tokens.js'

const ROUND_MS = 1_000
const ROUNDS = 5
const OPERATIONS = ['create', 'get', 'reveal', 'heartbeat', 'delete'] as const
type Operation = typeof OPERATIONS[number]

interface Round {
  readonly perSecond: number
  /** Microseconds of the gateway for each. */
  readonly cpu: number
}

class Gateway {
  readonly rounds = new Map<Operation, Round[]>()

  private constructor (readonly server: Server, readonly loads: GatewayLoads) {}

  static async start (name: string, database: Database, env: Readonly<Record<string, string>>): Promise<Gateway> {
    const dataDir = join(database.directory, name)
    mkdirSync(dataDir)
    const tokensFile = join(dataDir, 'tokens.json')
    writeFileSync(tokensFile, tokensJson)
    const server = await Server.start('../../src/main.js', [], {
      ECTX_PORT: '0', ECTX_DATA_DIR: join(dataDir, 'data'), ECTX_TOKENS_FILE: tokensFile, ECTX_RATE_LIMIT: '1000000000', ...env
    })
    const loads = new GatewayLoads(0)
    await loads.prepare(server.client.address)
    return new Gateway(server, loads)
  }

  async run (operation: Operation): Promise<Round> {
    await this.server.quiet()
    const before = this.server.cpu()
    const { requests, seconds } = await this.server.client.run(this.loads[operation], ROUND_MS)
    return { perSecond: requests / seconds, cpu: (this.server.cpu() - before) / requests }
  }
}

/** Gateways on PostgreSQL beside one on LevelDB, by HTTP; and how much more two of them take than one. */
export async function measureGateways (database: Database): Promise<string> {
  const env = { ECTX_STORE: `${database.url}?schema=gateways`, ECTX_ROOT_KEY_FILE: database.rootKeyFile }
  const level = await Gateway.start('embedded', database, {})
  const [one, other] = [await Gateway.start('one', database, env), await Gateway.start('other', database, env)]
  const both: number[] = []
  for (let turn = 0; turn <= ROUNDS; turn++) {
    for (const operation of OPERATIONS) {
      for (const { rounds, run } of [level, one].map(gateway => ({ rounds: gateway.rounds, run: () => gateway.run(operation) }))) {
        const measured = await run()
        // The first round of each warms it up.
        if (turn > 0) rounds.set(operation, [...rounds.get(operation) ?? [], measured])
      }
      if (operation !== 'create') continue
      const together = await Promise.all([one, other].map(gateway => gateway.run('create')))
      if (turn > 0) both.push(together.reduce((sum, { perSecond }) => sum + perSecond, 0))
    }
  }
  await Promise.all([level, one, other].map(({ server }) => server.stop()))

  const typical = ({ rounds }: Gateway, operation: Operation, of: keyof Round) => median(rounds.get(operation)!.map(round => round[of]))
  const rows = OPERATIONS.map(operation => [
    operation,
    ...[one, level].flatMap(gateway => [whole(typical(gateway, operation, 'perSecond')), whole(typical(gateway, operation, 'cpu'))]),
    times(typical(one, operation, 'cpu') / typical(level, operation, 'cpu'))
  ])
  const single = typical(one, 'create', 'perSecond')
  return `${table([['a gateway', 'PostgreSQL/s', 'CPU µs', 'LevelDB/s', 'CPU µs', 'CPU ratio'], ...rows])}

Two gateways on one database create ${whole(median(both))}/s where one creates ${whole(single)}/s: ${times(median(both) / single)}.`
}
