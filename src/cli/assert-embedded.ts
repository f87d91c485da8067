import type { Config } from '../config/config.js'
import { GatewayError } from '../errors.js'

/** @throws `failed_precondition` with what to use where a backup of that engine is made otherwise */
export function assertEmbedded (store: Config['store']): void {
  if (store === 'embedded') return
  throw new GatewayError('failed_precondition', store === 'postgres'
    ? 'ECTX_STORE is a database: PostgreSQL\'s own tools back it up, and docs/postgres.md says what of it'
    : 'ECTX_STORE=memory keeps nothing')
}
