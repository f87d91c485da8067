import type { Logger } from 'pino'
import type { Feed } from '../storage/feed.js'

const EVERY_MS = 5_000
const MOST = 1_000_000

export interface Trimming {
  readonly feed: Feed
  readonly log: Logger
  /** How long events are kept; of more than a million the latest. */
  readonly keepMs: number
}

/** Drops the events that are not to be kept any more, now and then, until the answered function is called. */
export function keepTrimming ({ feed, log, keepMs }: Trimming): () => Promise<void> {
  let working: Promise<unknown> | undefined
  const timer = setInterval(() => {
    working ??= feed.trim({ ms: keepMs, most: MOST })
      .catch(err => log.error({ err }, 'old events cannot be dropped'))
      .finally(() => { working = undefined })
  }, EVERY_MS).unref()
  return async () => {
    clearInterval(timer)
    await working
  }
}
