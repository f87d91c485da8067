import type { Logger } from 'pino'
import type { AuditLog } from '../audit/audit-log.js'
import { signHead } from '../audit/signed-head.js'
import type { Clock } from '../clock.js'
import type { HeadKey } from '../secrets/head-key.js'

const EVERY_MS = 60_000

/** Where signed heads are kept. */
export interface Anchor {
  append (jws: string): Promise<void>
}

export interface Heads {
  readonly audit: AuditLog
  readonly anchor: Anchor
  readonly key: HeadKey
  readonly clock: Clock
  readonly log: Logger
}

/**
 * Signs where the audit log ends and gives that to the anchor: now, every minute in which it went on, and once more when the answered
 * function is called. Nobody waits for it, and a failure is an error in the log, once.
 */
export function keepHeads ({ audit, anchor, key, clock, log }: Heads): () => Promise<void> {
  let signed = 0
  let isFailing = false
  let working = Promise.resolve()
  const sign = async () => {
    const end = await audit.end()
    if (end.sequence === signed) return
    await anchor.append(await signHead(end, new Date(clock.now()).toISOString(), key))
    signed = end.sequence
    if (isFailing) log.info('where the audit log ends can be signed and kept again')
    isFailing = false
  }
  const look = () => {
    working = working.then(sign).catch(err => {
      if (!isFailing) log.error({ err }, 'where the audit log ends cannot be signed and kept')
      isFailing = true
    })
  }
  look()
  const timer = setInterval(look, EVERY_MS).unref()
  return () => {
    clearInterval(timer)
    look()
    return working
  }
}
