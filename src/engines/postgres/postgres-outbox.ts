import type { AuditOutbox, Committed } from '../../audit/audit-outbox.js'
import type { AuditEvent } from '../../audit/event.js'
import type { Link } from './link.js'

/** What a gateway has committed with its changes of audit events, until they are lines of its chain. */
export class PostgresOutbox implements AuditOutbox {
  readonly #gateway: string
  readonly #link: Link
  readonly #append: (event: AuditEvent) => Promise<unknown>
  #last = 0
  #listener = () => {}
  #forgotten = 0
  #forgetting: Promise<void> | undefined

  constructor (gateway: string, link: Link, append: (event: AuditEvent) => Promise<unknown>) {
    this.#gateway = gateway
    this.#link = link
    this.#append = append
  }

  get last (): number {
    return this.#last
  }

  /** The gateway has committed so many, ever. */
  committed (last: number): void {
    if (last <= this.#last) return
    this.#last = last
    this.#listener()
  }

  async append (event: AuditEvent): Promise<void> {
    await this.#append(event)
  }

  async read (after: number, limit: number): Promise<readonly Committed[]> {
    const rows = await this.#link.run<{ commit: string, description: string }>({
      name: 'outbox 1',
      text: 'SELECT commit, description FROM outbox WHERE gateway = $1 AND commit > $2 ORDER BY commit LIMIT $3',
      values: [this.#gateway, after, limit]
    })
    return rows.map(({ commit, description }) => ({ commit: Number(commit), description }))
  }

  /** In the background, and again for what has come meanwhile: what is left is passed over at the next start. */
  forget (through: number): void {
    this.#forgotten = Math.max(this.#forgotten, through)
    this.committed(through)
    this.#forgetting ??= this.#forget().catch(() => {}).finally(() => { this.#forgetting = undefined })
  }

  listen (listener: () => void): void {
    this.#listener = listener
  }

  async close (): Promise<void> {
    await this.#forgetting
  }

  async #forget (): Promise<void> {
    for (let done = -1; done < this.#forgotten;) {
      done = this.#forgotten
      const text = 'DELETE FROM outbox WHERE gateway = $1 AND commit <= $2'
      await this.#link.run({ name: 'forget 1', text, values: [this.#gateway, done] })
    }
  }
}
