import type { Load } from './client.js'
import type { Server } from './servers.js'

/** What one round of a load cost. */
export interface Round {
  readonly perSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Microseconds of the server's processor time for each request: of all its threads, and of what it does afterwards because of them. */
  readonly cpu: number
}

/** Runs `load` against `server` for `milliseconds`. */
export async function measure (server: Server, load: Load, milliseconds: number): Promise<Round> {
  const before = server.cpu()
  const { requests, seconds, latencies } = await server.client.run(load, milliseconds)
  await server.quiet()
  const part = (share: number) => latencies[Math.floor(requests * share)] ?? NaN
  return { perSecond: requests / seconds, p50: part(0.5), p99: part(0.99), cpu: (server.cpu() - before) / requests }
}

export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN

/** The median over rounds of `of` a round. */
export const typical = (rounds: readonly Round[], of: keyof Round): number => median(rounds.map(round => round[of]))

/** The median over rounds of how `a` compares with `b` in the same round: so a machine that is slow for a while spoils no ratio. */
export const ratio = (a: readonly Round[], b: readonly Round[], of: keyof Round): number =>
  median(a.map((round, index) => round[of] / b[index]![of]))
