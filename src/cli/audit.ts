import { resolve } from 'node:path'
import type { AuditProblem } from '../audit/chain-check.js'
import { readHead } from '../engines/embedded/audit/head.js'
import { verify } from '../engines/embedded/audit/verify.js'
import { GatewayError } from '../errors.js'
import { fileProblem } from '../files/file-problem.js'
import { placesIn } from '../config/places.js'
import { POSTGRES_URL } from '../config/values.js'
import { ConfigError, readVariables } from '../config/variables.js'

const USAGE = `usage: npm run audit -- verify
Checks the audit log in ECTX_DATA_DIR (./data), or that of all gateways in the database ECTX_STORE, also while they run.
`

/** `npm run audit -- verify`: 0 where the log is whole, 1 with the places where it is not, 2 where it could not be read. */
async function main (args: string[]): Promise<number> {
  if (args.some(arg => arg === '--help' || arg === '-h')) {
    process.stdout.write(USAGE)
    return 0
  }
  if (args.length !== 1 || args[0] !== 'verify') return refuse(USAGE)
  const { values } = readVariables(process.env)
  return POSTGRES_URL.test(values.ECTX_STORE) ? verifyDatabase(values.ECTX_STORE) : verifyFiles(placesIn(values.ECTX_DATA_DIR).audit)
}

async function verifyFiles (directory: string): Promise<number> {
  const { files, lines, first, problems } = await verify(directory)
  if (files === 0 && await readHead(directory) === undefined) {
    return refuse(
    `audit: there is no log in ${resolve(directory)}: set ECTX_DATA_DIR to the directory of a gateway that has been started; where one has, its log was removed\n`
    )
  }
  const code = tell(`${directory}: ${lines} lines in ${files} files`, problems)
  if (first !== undefined && first > 1) process.stdout.write(`It begins with line number ${first}: older files are no longer kept.\n`)
  return code
}

async function verifyDatabase (url: string): Promise<number> {
  const { verifyChains } = await import('../engines/postgres/verify.js')
  const { schema, gateways, lines, problems } = await verifyChains(url)
  return tell(`schema ${schema}: ${lines} lines of ${gateways} gateways`, problems)
}

function tell (what: string, problems: readonly AuditProblem[]): number {
  for (const { where, line, problem } of problems) process.stdout.write(`${where}${line > 0 ? `:${line}` : ''} ${problem}\n`)
  process.stdout.write(`${what}, ${problems.length === 0 ? 'whole' : `${problems.length} problems`}\n`)
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
