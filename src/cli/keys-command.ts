import { parseArgs } from 'node:util'
import { systemClock } from '../clock.js'
import type { KeyInfo } from '../secrets/key-row.js'
import { loadRootKey } from '../secrets/root-key.js'
import { rewrapRing, withNewRing, withRing, wrapRing, type Environment } from './ring-place.js'
import { UsageError } from './usage.js'

export const USAGE = `Usage: npm run keys -- <command>

  list                     shows every key of the ring: id, creation, state and since when
  begin                    makes a ring where the one before is lost for ever, and with it what it sealed;
                           the gateway makes its first by itself
  wrap                     wraps a ring that is in clear by the root key, which then has to be set for good
  rewrap --to-root-key-file FILE   wraps the ring by another root key, which FILE holds and which then has to be set;
                           stop the gateways first: one that runs seals nothing until it is started with that one
  rotate                   has a new key seal from now on; what older keys sealed stays readable
  prune --older-than TIME  destroys the keys that were retired at least TIME ago, such as 90m, 24h or 7d.
                           What a destroyed key sealed can never be revealed again, by nobody: TIME must
                           be longer than any context lives.

The ring is in the database ECTX_STORE, where that is one; else it is the file ECTX_KEYRING_FILE, or keyring.json in
ECTX_DATA_DIR (./data). Where a root key wraps it, ECTX_ROOT_KEY must be that key, or ECTX_ROOT_KEY_FILE the file that
holds it.
`
const UNITS = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * Does what `args` ask for, with the ring that `environment` names, and resolves with what to print.
 * @throws {UsageError | GatewayError | ConfigError} that says what to do
 */
export async function keysCommand (args: readonly string[], environment: Environment): Promise<string> {
  const { positionals: [command, ...more], values: { help, 'older-than': olderThan, 'to-root-key-file': toRootKeyFile } } = parse(args)
  if (help) return USAGE
  if (more.length > 0) throw new UsageError(`one command at a time: '${more[0]}' is too much`)
  if (olderThan !== undefined && command !== 'prune') throw new UsageError('only prune takes --older-than')
  if (toRootKeyFile !== undefined && command !== 'rewrap') throw new UsageError('only rewrap takes --to-root-key-file')
  switch (command) {
    case 'list': return withRing(environment, async ring => table(ring.list()))
    case 'begin': return withNewRing(environment, async ring => `${(await ring.current()).id}\n`)
    case 'wrap': return wrapRing(environment)
    case 'rewrap': return rewrap(toRootKeyFile, environment)
    case 'rotate': return withRing(environment, async ring => `${(await ring.rotate()).id}\n`)
    case 'prune': return prune(olderThan, environment)
    default: throw new UsageError(command === undefined ? 'a command is missing' : `there is no command '${command}'`)
  }
}

function parse (args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { 'older-than': { type: 'string' }, 'to-root-key-file': { type: 'string' }, help: { type: 'boolean', short: 'h' } }
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'the arguments cannot be read')
  }
}

async function rewrap (file: string | undefined, environment: Environment): Promise<string> {
  const rootKey = loadRootKey({ ECTX_ROOT_KEY_FILE: file })
  if (rootKey === undefined) throw new UsageError('rewrap needs --to-root-key-file FILE: the root key from then on')
  return rewrapRing(environment, rootKey)
}

async function prune (olderThan: string | undefined, environment: Environment): Promise<string> {
  const before = systemClock.now() - durationOf(olderThan)
  const destroyed = await withRing(environment, ring => ring.prune(key => Date.parse(key.retired_at) <= before))
  return destroyed.map(id => `destroyed ${id}\n`).join('') || `no key was retired ${olderThan} ago or before: none is destroyed\n`
}

// Nothing under a minute: a gateway that runs seals with the old key until it has seen that another is active.
function durationOf (text: string | undefined): number {
  const [, count, unit] = /^([1-9]\d{0,5})([mhd])$/.exec(text ?? '') ?? []
  if (count === undefined) throw new UsageError('prune needs --older-than TIME: a number and m, h or d, such as 24h')
  return Number(count) * UNITS[unit as keyof typeof UNITS]
}

function table (keys: KeyInfo[]): string {
  const rows = [['ID', 'CREATED', 'STATE', 'SINCE'], ...keys.map(key => [key.id, key.created_at, key.state, since(key)])]
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  return rows.map(row => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ').trimEnd() + '\n').join('')
}

function since (key: KeyInfo): string {
  switch (key.state) {
    case 'active': return key.created_at
    case 'retired': return key.retired_at
    case 'destroyed': return key.destroyed_at
  }
}
