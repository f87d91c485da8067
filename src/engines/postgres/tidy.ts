import { setTimeout as sleep } from 'node:timers/promises'
import type { Link } from './link.js'

const EVERY_MS = 60_000
// Another may be at it, and have stopped amidst it.
const MOST_LOOKS = 100
const PAUSE_MS = 50
// Of changes a day goes when it is over and nothing of it is kept any more.
const CHANGE_DAYS = 1

/**
 * Looks after what gateways leave behind in the database, and sees to it that there is room for the days to come: now, before it
 * answers, and every minute, until the answered function is called; of many gateways one at a time. Audit events are kept for `auditDays`.
 * @throws as `Link.run`
 */
export async function keepTidy (
  link: Link, auditDays: number, warn: (message: string, cause?: unknown) => void
): Promise<() => Promise<void>> {
  /** Answers false where another gateway is at it. */
  const tidy = async () => {
    const values = [auditDays, CHANGE_DAYS]
    const [row] = await link.run<{ done: boolean }>({ name: 'tidy 1', text: 'SELECT tidy($1, $2) AS done', values })
    return row?.done === true
  }
  for (let look = 1; !await tidy() && look < MOST_LOOKS; look++) await sleep(PAUSE_MS)
  let working: Promise<unknown> | undefined
  const timer = setInterval(() => {
    working ??= tidy()
      .catch(error => warn('what gateways left behind in the database could not be tidied up', error))
      .finally(() => { working = undefined })
  }, EVERY_MS).unref()
  return async () => {
    clearInterval(timer)
    await working
  }
}
