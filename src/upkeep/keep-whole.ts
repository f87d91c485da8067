import { setTimeout } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { AuditLog } from '../audit/audit-log.js'
import { systemClock } from '../clock.js'
import { GatewayError } from '../errors.js'
import type { Named } from '../storage/integrity.js'
import { findDoubts, type Examined } from './find-doubts.js'

/** How long a start waits for what a look through all that is stored finds. Where that takes longer others are served meanwhile. */
const START_MS = 2_000
const RETRY_MS = 1_000

export interface Guarding extends Examined {
  readonly log: Logger
  /** Called where the store does not hold what was committed last. */
  readonly onDamage: (damage: GatewayError) => void
}

const DAMAGED =
  'the store does not hold what was committed last: what is named is not served; stop the gateway and run `npm run check-store`'

/**
 * Has all that is stored be proved, and looks whether it is what was committed last. Resolves when that is known; where to look through
 * all takes longer than two seconds, what is found is told, and no longer served, when it is found. The answered function ends it.
 */
export async function keepWhole (guarding: Guarding): Promise<() => Promise<void>> {
  const ending = new AbortController()
  const isProved = await prove(guarding).catch(err => tellOfFailure(guarding, err))
  const guard = async () => {
    for (let proved = isProved; !ending.signal.aborted;) {
      try {
        proved ??= await prove(guarding)
        return proved ? await look(guarding) : undefined
      } catch (err) {
        if (!ending.signal.aborted) tellOfFailure(guarding, err)
      }
      await setTimeout(RETRY_MS, undefined, { signal: ending.signal, ref: false }).catch(() => {})
    }
  }
  const looking = guard()
  if (isProved === true) await Promise.race([looking, setTimeout(START_MS, undefined, { ref: false })])
  return async () => {
    ending.abort()
    await looking
  }
}

/** Answers whether what is there is worth looking through. @throws `unavailable` where no key can prove it now */
async function prove (guarding: Guarding): Promise<boolean> {
  const { integrity, vault, audit, kind } = guarding
  const problem = await integrity.prove(vault, record => wasDeleted(audit, kind, record))
  if (problem !== undefined) await act(guarding, problem)
  return problem === undefined
}

/** Whether the audit log, which tells of all of `kind`, tells that the record was deleted. */
export async function wasDeleted (audit: AuditLog, kind: string, record: Named): Promise<boolean> {
  if (record.kind !== kind) return false
  const { events } = await audit.query({ contextId: record.id, pageSize: 1_000 })
  return events.some(({ event }) => event === 'deleted')
}

async function look (guarding: Guarding): Promise<void> {
  const { integrity, log } = guarding
  const began = systemClock.monotonic()
  const { isWhole, isIndexed, found, expected, damaged } = await integrity.check()
  if (!isWhole) await act(guarding, `it holds ${found} records of ${expected}`, idsOf(damaged))
  else if (!isIndexed) await act(guarding, 'its indexes lead past records: lists are refused')
  else log.info({ records: found, duration_ms: Math.round(systemClock.monotonic() - began) }, 'the store holds what was committed last')
}

async function act (guarding: Guarding, problem: string, damaged: readonly string[] = []): Promise<void> {
  const { integrity, log, onDamage } = guarding
  const doubts = await findDoubts(guarding)
  integrity.doubt(doubts)
  log.error({ problem, lost: idsOf(doubts.lost), wrong: idsOf(doubts.wrong), damaged }, DAMAGED)
  onDamage(new GatewayError('unavailable', `${DAMAGED}; ${problem}`))
}

// As many as are worth reading; the command tells all.
const idsOf = (named: readonly Named[]) => named.slice(0, 100).map(({ id }) => id)

const tellOfFailure = ({ log }: Guarding, err: unknown): undefined => { log.error({ err }, 'what is stored cannot be proved now') }
