import type { KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { AuditProblem } from '../audit/audit-problem.js'
import { HeadCheck } from '../audit/head-check.js'
import { readHead } from '../engines/embedded/audit/head.js'
import { verify } from '../engines/embedded/audit/verify.js'
import { GatewayError } from '../errors.js'
import { fileProblem } from '../files/file-problem.js'
import { anchorOf } from '../config/config.js'
import { placesIn } from '../config/places.js'
import { POSTGRES_URL } from '../config/values.js'
import { ConfigError, readVariables } from '../config/variables.js'
import { headKey } from '../secrets/head-key.js'
import { loadRootKey } from '../secrets/root-key.js'
import { olderAnchor } from '../sinks/anchor-file.js'

const USAGE = `usage: npm run audit -- verify [--anchor FILE] [--key KEY]
       npm run audit -- key
verify checks the audit log in ECTX_DATA_DIR (./data), or that of all gateways in the database ECTX_STORE, also while they run; and
compares it with the signed heads in FILE, or else where ECTX_AUDIT_ANCHOR says. They must be signed by KEY, or else by the key that
belongs to the root key, where one is set.
key prints that key's public part, for an auditor to keep.
`

/** `npm run audit -- verify`: 0 where the log is whole, 1 with the places where it is not, 2 where it could not be read. */
async function main (args: string[]): Promise<number> {
  if (args.some(arg => arg === '--help' || arg === '-h')) {
    process.stdout.write(USAGE)
    return 0
  }
  const asked = readArguments(args)
  if (asked === undefined) return refuse(USAGE)
  const { values } = readVariables(process.env)
  const rootKey = loadRootKey(values)
  if (asked.command === 'key') return tellKey(rootKey)
  const heads = new HeadCheck(asked.key ?? (rootKey && headKey(rootKey).publicKey))
  const anchor = asked.anchor ?? (values.ECTX_AUDIT_ANCHOR === 'syslog' ? undefined : anchorOf(values))
  // The one that is by default need not be there yet.
  if (anchor !== undefined) await readAnchor(heads, anchor, asked.anchor === undefined && values.ECTX_AUDIT_ANCHOR === undefined)
  return POSTGRES_URL.test(values.ECTX_STORE)
    ? verifyDatabase(values.ECTX_STORE, heads)
    : verifyFiles(placesIn(values.ECTX_DATA_DIR).audit, heads)
}

function readArguments (args: string[]): { command: string, anchor?: string | undefined, key?: string | undefined } | undefined {
  try {
    const { positionals: [command, ...others], values } = parseArgs({
      args, allowPositionals: true, options: { anchor: { type: 'string' }, key: { type: 'string' } }
    })
    const isKnown = command === 'verify' || (command === 'key' && Object.keys(values).length === 0)
    return isKnown && others.length === 0 ? { command, ...values } : undefined
  } catch {
    return undefined
  }
}

function tellKey (rootKey: KeyObject | undefined): number {
  if (rootKey === undefined) return refuse('audit: set ECTX_ROOT_KEY_FILE: without a root key the signing key is another at each start\n')
  process.stdout.write(`${headKey(rootKey).publicKey}\n`)
  return 0
}

async function readAnchor (heads: HeadCheck, path: string, mayBeAbsent: boolean): Promise<void> {
  for (const file of [olderAnchor(path), path]) {
    const text = await readFile(file, 'utf8').catch(error => {
      if (error.code === 'ENOENT' && (mayBeAbsent || file !== path)) return ''
      throw error
    })
    for (const [index, line] of text.split('\n').entries()) if (line !== '') await heads.add(file, index + 1, line)
  }
}

async function verifyFiles (directory: string, heads: HeadCheck): Promise<number> {
  const { files, lines, first, problems } = await verify(directory, heads)
  if (files === 0 && await readHead(directory) === undefined) {
    return refuse(
    `audit: there is no log in ${resolve(directory)}: set ECTX_DATA_DIR to the directory of a gateway that has been started; where one has, its log was removed\n`
    )
  }
  const code = tell(`${directory}: ${lines} lines in ${files} files`, problems, heads)
  if (first !== undefined && first > 1) process.stdout.write(`It begins with line number ${first}: older files are no longer kept.\n`)
  return code
}

async function verifyDatabase (url: string, heads: HeadCheck): Promise<number> {
  const { verifyChains } = await import('../engines/postgres/verify.js')
  const { schema, gateways, lines, problems } = await verifyChains(url, heads)
  return tell(`schema ${schema}: ${lines} lines of ${gateways} gateways`, problems, heads)
}

function tell (what: string, found: readonly AuditProblem[], heads: HeadCheck): number {
  const problems = [...found, ...heads.problems]
  for (const { where, line, problem } of problems) process.stdout.write(`${where}${line > 0 ? `:${line}` : ''} ${problem}\n`)
  const signed = heads.heads === 0 ? '' : `, compared with ${heads.heads} signed heads`
  process.stdout.write(`${what}${signed}, ${problems.length === 0 ? 'whole' : `${problems.length} problems`}\n`)
  return problems.length === 0 ? 0 : 1
}

function refuse (what: string): number {
  process.stderr.write(what)
  return 2
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  const isOfFiles = error instanceof Error && 'syscall' in error
  const where = isOfFiles && 'path' in error ? ` ${error.path}` : ''
  const known = error instanceof GatewayError ? error.withoutLog : undefined
  const other = known ?? (error instanceof ConfigError ? error.message : String(error))
  const why = isOfFiles ? `cannot read the log${where}${fileProblem(error)}` : other
  process.exitCode = refuse(`audit: ${why}\n`)
}
