import type { Link } from './link.js'

const EVERY_MS = 60_000
/** For how long `Store.changes` tells of a change. */
const CHANGE_DAYS = 7

/**
 * Looks after what gateways leave behind in the database, now and every minute, until the answered function is called; of many
 * gateways one at a time. Audit events are kept for `auditDays`.
 */
export function keepTidy (link: Link, auditDays: number, warn: (message: string, cause?: unknown) => void): () => Promise<void> {
  let working: Promise<unknown> | undefined
  const look = () => {
    working ??= link.run({ name: 'tidy 1', text: 'SELECT tidy($1, $2)', values: [auditDays, CHANGE_DAYS] })
      .catch(error => warn('what gateways left behind in the database could not be tidied up', error))
      .finally(() => { working = undefined })
  }
  const timer = setInterval(look, EVERY_MS).unref()
  look()
  return async () => {
    clearInterval(timer)
    await working
  }
}
