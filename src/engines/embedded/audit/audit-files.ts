import { systemClock } from '../../../clock.js'
import type { AuditLog } from '../../../audit/audit-log.js'
import type { AuditOutbox } from '../../../audit/audit-outbox.js'
import { AuditRelay, type AuditRelayOptions } from '../../../audit/audit-relay.js'
import { GatewayError } from '../../../errors.js'
import { fileProblem } from '../../../files/file-problem.js'
import { Chain } from './chain.js'

export interface AuditFilesOptions extends AuditRelayOptions {
  /**
   * Made where it is absent; but not again where it goes away later, since then a volume may be missing. One process at a
   * time may open it.
   */
  readonly directory: string
  /** Files that were begun longer ago are removed whole, when the next file is begun; not the last seven. */
  readonly retentionDays?: number
  /** The oldest files go, where all have more bytes than that; 0 is no limit. */
  readonly maxBytes?: number
  readonly maxFileBytes?: number
}

/**
 * The audit log in append-only files of JSON lines, with what is in `outbox` and not in them yet.
 * @throws `unavailable` where it cannot be read or written
 */
export async function openAuditFiles (outbox: AuditOutbox, options: AuditFilesOptions): Promise<AuditLog> {
  try {
    const chain = await Chain.open({
      retentionDays: 90, maxBytes: 0, maxFileBytes: 64 * 1024 * 1024, clock: systemClock, warn: () => {}, ...options
    })
    return new AuditRelay(outbox, chain, options)
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    throw new GatewayError(
      'unavailable',
      `cannot open the audit log in ${options.directory}${fileProblem(cause)}; make it a directory that this user may write, on a disk with free space`,
      { cause }
    )
  }
}
