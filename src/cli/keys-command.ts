import type { KeyObject } from 'node:crypto'
import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../clock.js'
import { RingFile } from '../engines/embedded/keys/ring-file.js'
import { GatewayError } from '../errors.js'
import { fileProblem } from '../files/file-problem.js'
import { placesIn } from '../config/places.js'
import { POSTGRES_URL } from '../config/values.js'
import { readVariables } from '../config/variables.js'
import type { KeyInfo } from '../secrets/key-row.js'
import { KeyRing } from '../secrets/ring.js'
import { loadRootKey } from '../secrets/root-key.js'
import { UsageError } from './usage.js'

export const USAGE = `Usage: npm run keys -- <command>

  list                     shows every key of the ring: id, creation, state and since when
  begin                    makes a ring where the one before is lost for ever, and with it what it sealed;
                           the gateway makes its first by itself
  rotate                   has a new key seal from now on; what older keys sealed stays readable
  prune --older-than TIME  destroys the keys that were retired at least TIME ago, such as 90m, 24h or 7d.
                           What a destroyed key sealed can never be revealed again, by nobody: TIME must
                           be longer than any context lives.

The ring is the file ECTX_KEYRING_FILE, or keyring.json in ECTX_DATA_DIR (./data). Where a root key wraps it,
ECTX_ROOT_KEY must be that key, or ECTX_ROOT_KEY_FILE the file that holds it.
`
const UNITS = { m: 60_000, h: 3_600_000, d: 86_400_000 }

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Does what `args` ask for, with the ring that `environment` names, and resolves with what to print.
 * @throws {UsageError | GatewayError | ConfigError} that says what to do
 */
export async function keysCommand (args: readonly string[], environment: Environment): Promise<string> {
  const { positionals: [command, ...more], values: { help, 'older-than': olderThan } } = parse(args)
  if (help) return USAGE
  if (more.length > 0) throw new UsageError(`one command at a time: '${more[0]}' is too much`)
  if (olderThan !== undefined && command !== 'prune') throw new UsageError('only prune takes --older-than')
  switch (command) {
    case 'list': return table((await openRing(environment)).list())
    case 'begin': return begin(environment)
    case 'rotate': return `${(await (await openRing(environment)).rotate()).id}\n`
    case 'prune': return prune(olderThan, environment)
    default: throw new UsageError(command === undefined ? 'a command is missing' : `there is no command '${command}'`)
  }
}

function parse (args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { 'older-than': { type: 'string' }, help: { type: 'boolean', short: 'h' } }
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'the arguments cannot be read')
  }
}

async function openRing (environment: Environment): Promise<KeyRing> {
  const { file, rootKey } = read(environment)
  // One made in a wrong directory would seal nothing.
  if (!isThere(file)) {
    throw new GatewayError(
      'not_found',
    `there is no key ring ${file}: set ECTX_KEYRING_FILE or ECTX_DATA_DIR; the gateway makes one when it first starts`
    )
  }
  return openOrMake(file, rootKey)
}

function read (environment: Environment) {
  const { values } = readVariables(environment)
  if (POSTGRES_URL.test(values.ECTX_STORE)) {
    throw new GatewayError('unimplemented', 'the ring of a database is looked after by its gateways alone: this is for the file of a ring')
  }
  return { file: placesIn(values.ECTX_DATA_DIR, values.ECTX_KEYRING_FILE).keyRing, rootKey: loadRootKey(values) }
}

/** @throws `unavailable` where that cannot be told: then nothing may be made in its place */
function isThere (path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined
  } catch (cause) {
    throw new GatewayError('unavailable', `${path} cannot be looked at${fileProblem(cause)}`, { cause })
  }
}

async function openOrMake (file: string, rootKey: KeyObject | undefined): Promise<KeyRing> {
  const ring = await KeyRing.open({ store: new RingFile(file, rootKey) })
  if (ring.problem !== undefined) throw new GatewayError('unavailable', ring.problem)
  return ring
}

async function begin (environment: Environment): Promise<string> {
  const { file, rootKey } = read(environment)
  if (isThere(file)) {
    throw new GatewayError(
      'already_exists',
    `there is a key ring ${file}; a new key for it comes with: npm run keys -- rotate`
    )
  }
  if (!isThere(dirname(file))) {
    throw new GatewayError(
      'not_found',
    `there is no directory ${dirname(file)}: set ECTX_KEYRING_FILE or ECTX_DATA_DIR`
    )
  }
  return `${(await (await openOrMake(file, rootKey)).current()).id}\n`
}

async function prune (olderThan: string | undefined, environment: Environment): Promise<string> {
  const before = systemClock.now() - durationOf(olderThan)
  const ring = await openRing(environment)
  const destroyed = await ring.prune(key => Date.parse(key.retired_at) <= before)
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
