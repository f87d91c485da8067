import type { AuditProblem } from '../../audit/audit-problem.js'
import { ChainCheck, type Ends, type Verification } from '../../audit/chain-check.js'
import { parseLine } from '../../audit/event.js'
import type { ChainHeads, HeadCheck } from '../../audit/head-check.js'
import type { Link } from './link.js'
import { withLink } from './with-link.js'

export interface ChainsVerification extends Verification {
  readonly schema: string
  readonly gateways: number
}

interface Row {
  readonly sequence: string
  readonly time: string
  readonly context_id: string | null
  readonly execution_id: string | null
  readonly line: string
}

const AT_ONCE = 1_000

/**
 * Reads the chains of all gateways in the database, also while they are being written, and tells where they are not as they were
 * written. A chain does not withstand somebody who writes all of it, and its end, anew: what was signed before, `heads`, does.
 * @throws `unavailable` where they cannot be read
 */
export function verifyChains (databaseUrl: string, heads?: HeadCheck): Promise<ChainsVerification> {
  return withLink(databaseUrl, async (link, schema) => {
    const names = await namesOf(link)
    const problems: AuditProblem[] = []
    let lines = 0
    for (const name of names) {
      const found = await verifyChain(link, name, heads?.of(name))
      lines += found.lines
      problems.push(...found.problems)
    }
    return { schema, gateways: names.length, lines, problems }
  })
}

/** Every gateway that is known, or has lines: each is found at one place of the index, and the next behind all of its lines. */
async function namesOf (link: Link): Promise<string[]> {
  const rows = await link.run<{ name: string }>({
    text: `WITH RECURSIVE writer AS (
        SELECT min(gateway) AS name FROM audit
        UNION ALL SELECT (SELECT min(gateway) FROM audit WHERE gateway > writer.name) FROM writer WHERE writer.name IS NOT NULL)
      SELECT name FROM writer WHERE name IS NOT NULL UNION SELECT name FROM gateway ORDER BY name`
  })
  return rows.map(({ name }) => name)
}

async function verifyChain (link: Link, gateway: string, heads?: ChainHeads): Promise<Verification> {
  const ends = await endsOf(link, gateway)
  const check = new ChainCheck(ends, heads)
  let lines = 0
  for (let after = '0'; ;) {
    const rows = await link.run<Row>({
      text: `SELECT sequence, time, context_id, execution_id, line FROM audit WHERE gateway = $1 AND sequence > $2
        ORDER BY sequence LIMIT $3`,
      values: [gateway, after, AT_ONCE]
    })
    for (const row of rows) {
      lines++
      check.line(gateway, Number(row.sequence), Buffer.from(row.line), ends?.first ?? 1)
      if (!isFiledRightly(row, gateway)) check.report(gateway, Number(row.sequence), 'is filed as something that it does not tell of')
    }
    if (rows.length < AT_ONCE) break
    after = rows.at(-1)!.sequence
  }
  check.end(gateway)
  return { lines, problems: check.problems }
}

async function endsOf (link: Link, name: string): Promise<Ends | undefined> {
  const [row] = await link.run<{ first: string, sequence: string, hash: string }>({
    text: 'SELECT first, sequence, hash FROM gateway WHERE name = $1', values: [name]
  })
  return row && { first: Number(row.first), sequence: Number(row.sequence), hash: row.hash }
}

/** Whether a query finds the line where it belongs: by the columns beside it. */
function isFiledRightly ({ sequence, time, context_id: contextId, execution_id: executionId, line }: Row, gateway: string): boolean {
  const record = parseLine(Buffer.from(line))
  return record === undefined || (
    record.gateway === gateway && record.sequence === Number(sequence) && Date.parse(record.time) === Number(time) &&
    (record.context_id ?? null) === contextId && (record.execution_id ?? null) === executionId
  )
}
