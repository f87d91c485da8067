import type { AuditPage } from '../../audit/audit-log.js'
import { hashOf, lineOf, NO_LINE, type AuditRecord, type Entry } from '../../audit/event.js'
import type { End, Journal, JournalQuery } from '../../audit/journal.js'
import { unknownPageToken } from '../../audit/refusals.js'
import { GatewayError } from '../../errors.js'
import type { Link } from './link.js'

interface Row {
  readonly gateway: string
  readonly sequence: string
  readonly time: string
  readonly line: string
}

const TOKEN = /^(\d{1,16}) (\d{1,16}) ([\w.-]{1,253})$/

/** Keeps the chain of one gateway in the database, and finds the events of all. */
export class PostgresJournal implements Journal {
  readonly #gateway: string
  readonly #writing: Link
  readonly #reading: Link
  #end: End

  private constructor (gateway: string, writing: Link, reading: Link, end: End) {
    this.#gateway = gateway
    this.#writing = writing
    this.#reading = reading
    this.#end = end
  }

  /** The journal of the gateway of that name, which goes on where it ended. It closes no connection. */
  static async open (gateway: string, writing: Link, reading: Link): Promise<PostgresJournal> {
    const [last] = await writing.run<{ sequence: string, hash: string, commit: string | null }>({
      text: `SELECT sequence, hash, (SELECT max(commit) FROM audit WHERE gateway = $1) AS commit
        FROM audit WHERE gateway = $1 ORDER BY sequence DESC LIMIT 1`,
      values: [gateway]
    })
    const end = last === undefined
      ? { sequence: 0, hash: NO_LINE, commit: 0 }
      : { sequence: Number(last.sequence), hash: last.hash, commit: Number(last.commit ?? 0) }
    return new PostgresJournal(gateway, writing, reading, end)
  }

  get end (): End {
    return this.#end
  }

  async append (entries: readonly Entry[]): Promise<void> {
    let { sequence, hash, commit } = this.#end
    const lines = entries.map(entry => {
      const line = lineOf(++sequence, hash, entry)
      hash = hashOf(line)
      commit = entry.commit ?? commit
      return { sequence, hash, line, commit: entry.commit ?? null, record: JSON.parse(line) as AuditRecord }
    })
    const stored = await this.#writing.run({
      name: 'append 1',
      // Run again it meets its own lines; those of another process are others.
      text: `INSERT INTO audit (gateway, sequence, time, line, hash, commit, context_id, execution_id)
        SELECT $1, e.* FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[]) AS e
        ON CONFLICT (gateway, sequence) DO UPDATE SET line = audit.line WHERE audit.hash = EXCLUDED.hash
        RETURNING sequence`,
      values: [
        this.#gateway,
        lines.map(({ sequence }) => sequence),
        lines.map(({ record }) => Date.parse(record.time)),
        lines.map(({ line }) => line),
        lines.map(({ hash }) => hash),
        lines.map(({ commit }) => commit),
        lines.map(({ record }) => record.context_id ?? null),
        lines.map(({ record }) => record.execution_id ?? null)
      ]
    })
    if (stored.length !== lines.length) throw new GatewayError('unavailable', `another process writes the audit log of '${this.#gateway}'`)
    this.#end = { sequence, hash, commit }
  }

  async mark (): Promise<void> {}

  async query ({ contextId, executionId, pageSize, pageToken, from }: JournalQuery): Promise<AuditPage> {
    const [, time = '0', sequence = '0', gateway = ''] = pageToken === undefined ? [] : partsOf(pageToken)
    const values: unknown[] = [time, gateway, sequence, pageSize + 1]
    const parameter = (value: unknown) => `$${values.push(value)}`
    const rows = await this.#reading.run<Row>({
      text: `SELECT gateway, sequence, time, line FROM audit WHERE (time, gateway, sequence) >= ($1::bigint, $2::text, $3::bigint)
        ${contextId === undefined ? '' : `AND context_id = ${parameter(contextId)}`}
        ${executionId === undefined ? '' : `AND execution_id = ${parameter(executionId)}`}
        ${from === undefined ? '' : `AND (gateway <> ${parameter(this.#gateway)} OR sequence >= ${parameter(from)})`}
        ORDER BY time, gateway, sequence LIMIT $4`,
      values
    })
    const next = rows[pageSize]
    return {
      events: rows.slice(0, pageSize).map(({ line }) => JSON.parse(line)),
      nextPageToken: next && encoded(`${next.time} ${next.sequence} ${next.gateway}`)
    }
  }

  async close (): Promise<void> {}
}

const encoded = (text: string) => Buffer.from(text).toString('base64url')

/** What a token of ours says. @throws `invalid_argument` where it is none */
function partsOf (token: string): RegExpExecArray {
  const text = Buffer.from(token, 'base64url').toString()
  const parts = TOKEN.exec(text)
  if (parts === null || encoded(text) !== token) throw unknownPageToken()
  return parts
}
