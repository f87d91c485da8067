import type { Deliveries } from '../../storage/deliveries.js'
import type { Link } from './link.js'

/** The deliveries of all gateways that have the database open, each with one of them at a time, by the database's clock. */
export class PostgresDeliveries implements Deliveries {
  readonly #link: Link

  constructor (link: Link) {
    this.#link = link
  }

  async take (name: string, owner: string, ms: number): Promise<string | undefined> {
    const [row] = await this.#link.run<{ position: string | null }>({
      name: 'take delivery 1', text: 'SELECT take_delivery($1, $2, $3) AS position', values: [name, owner, ms]
    })
    return row?.position ?? undefined
  }

  async move (name: string, owner: string, from: string, to: string): Promise<boolean> {
    const [row] = await this.#link.run<{ moved: boolean }>({
      name: 'move delivery 1', text: 'SELECT move_delivery($1, $2, $3, $4) AS moved', values: [name, owner, from, to]
    })
    return row?.moved === true
  }
}
