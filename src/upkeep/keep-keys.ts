import type { Logger } from 'pino'
import type { Clock } from '../clock.js'
import type { Trees } from '../secrets/trees.js'
import { tellOfRing, type Told } from './tell-of-ring.js'

const EVERY_MS = 10 * 60_000
// A resource may be sealed with a key a little after it retired, by a request that had begun before.
const REST_MS = 10 * 60_000

export interface Keeping extends Told {
  readonly trees: Pick<Trees, 'destroy'>
  readonly log: Logger
  readonly clock: Clock
  /** How old the key that seals may become. */
  readonly rotateAfterMs: number
}

/**
 * Keeps the key ring in order until the answered function is called: a look now, and then every ten minutes. What becomes of the ring, here
 * or elsewhere, the audit log tells, when it is seen.
 */
export function keepKeys (keeping: Keeping): () => Promise<void> {
  const { ring, log } = keeping
  let working = Promise.resolve()
  const tell = () => {
    working = working.then(() => tellOfRing(keeping)).catch(err => log.error({ err }, 'the audit log cannot be told of the key ring now'))
  }
  const look = () => {
    tell()
    working = working.then(() => lookAfterKeys(keeping)).catch(
      err => log.error({ err, problem: ring.problem }, 'the key ring could not be kept in order')
    )
  }
  ring.listen(tell)
  look()
  const timer = setInterval(look, EVERY_MS).unref()
  return () => {
    clearInterval(timer)
    ring.listen(() => {})
    return working
  }
}

/** Rotates the ring where its key is old, and destroys the retired keys that seal nothing any more, and the trees of all that are destroyed. */
export async function lookAfterKeys ({ ring, trees, store, integrity, clock, rotateAfterMs }: Keeping): Promise<void> {
  await ring.rotateIfOlderThan(rotateAfterMs)
  await integrity?.reseal(ring)

  // What is lost from the store may come back, and its keys are not missed by what is left.
  if (integrity?.isWhole === false) return
  const idle = ring.list().filter(key => key.state === 'retired' && clock.now() - Date.parse(key.retired_at) >= REST_MS).map(({ id }) => id)
  if (idle.length > 0) {
    const used = await store.keysInUse()
    const unused = new Set(idle.filter(id => !used.has(id)))
    if (unused.size > 0) await ring.prune(({ id }) => unused.has(id))
  }
  // Also what another process destroyed, or this one when it ended amidst it.
  await trees.destroy(ring.list().filter(({ state }) => state === 'destroyed').map(({ id }) => id))
}
