import { isTransient, NoPrimary } from './failures.js'
import type { Host } from './host.js'

const PAUSE_MS = 100
/** How long the other hosts are waited for when one is a primary: one of them may have been promoted since. */
const GRACE_MS = 500

/** Whether a primary was promoted after all that were seen before. @throws `NoPrimary` where the host is none, or an old one */
type Judge = (host: Host, timeline: string | undefined) => boolean

/**
 * Asks all hosts at once for the primary. One that does not answer holds nobody up: meanwhile those that are standbys are asked again,
 * since one may be promoted at any time; and it is waited for only a moment once there is a primary, or not at all where that is a new
 * one in place of one that is known. Rejects with what stands in the way, where no host is a primary.
 */
export function findPrimary (hosts: readonly Host[], judge: Judge, isOneKnown: boolean): Promise<Host> {
  return new Promise((resolve, reject) => {
    const silent = new Set(hosts)
    const refusals = new Map<Host, unknown>()
    let found: Host | undefined
    let grace: NodeJS.Timeout | undefined
    let isOver = false
    const end = () => {
      isOver = true
      clearTimeout(grace)
      if (found === undefined) reject(mostTelling([...refusals.values()]))
      else resolve(found)
    }
    const take = (host: Host, timeline: string | undefined): boolean => {
      const isNew = judge(host, timeline)
      if (found === undefined || isNew) found = host
      return isNew
    }
    const goOn = (host: Host, isNew: boolean): void => {
      silent.delete(host)
      if (isOver) return
      if (silent.size === 0 || (isNew && isOneKnown)) return end()
      if (found !== undefined) grace ??= setTimeout(end, GRACE_MS)
      else if (refusals.get(host) instanceof NoPrimary) setTimeout(() => { if (!isOver) ask(host) }, PAUSE_MS)
    }
    const ask = (host: Host): void => {
      host.timeline().then(timeline => take(host, timeline)).catch(error => {
        refusals.set(host, error)
        return false
      }).then(isNew => goOn(host, isNew), reject)
    }
    for (const host of hosts) ask(host)
  })
}

/** Of the reasons why no host is a primary, the one that is of most use: what somebody must mend, rather than what may be over soon. */
const mostTelling = (refusals: readonly unknown[]): unknown =>
  refusals.find(refusal => !isTransient(refusal)) ?? refusals.find(refusal => refusal instanceof NoPrimary) ?? refusals[0]
