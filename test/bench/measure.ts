import type { Load, Measured } from './client.js'
import type { Server } from './servers.js'

/** What one round of a load cost. */
export interface Round {
  readonly requests: number
  readonly perSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Microseconds of the server's processor time for each request: of all its threads, and of what it does afterwards because of them. */
  readonly cpu: number
}

/** The first `count` requests of `load`. */
export const first = ({ status, next }: Load, count: number): Load => ({ status, next: () => count-- > 0 ? next() : undefined })

/** Runs `load` against `server` for `milliseconds` at most, by `client`. */
export async function measure<L = Load> (
  server: Server, load: L, milliseconds: number, client: { run (load: L, milliseconds: number): Promise<Measured> } = server.client as never
): Promise<Round> {
  const before = server.cpu()
  const { requests, seconds, latencies } = await client.run(load, milliseconds)
  await server.quiet()
  const part = (share: number) => latencies[Math.floor(requests * share)] ?? NaN
  return { requests, perSecond: requests / seconds, p50: part(0.5), p99: part(0.99), cpu: (server.cpu() - before) / requests }
}

/** Of an even number of values, the mean of the middle two. */
export function median (values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return mean([sorted[(sorted.length - 1) >> 1] ?? NaN, sorted[sorted.length >> 1] ?? NaN])
}

/** The median over rounds of `of` a round. */
export const typical = (rounds: readonly Round[], of: keyof Round): number => median(rounds.map(round => round[of]))

/** The median over rounds of how `a` compares with `b` in the same round: so a machine that is slow for a while spoils no ratio. */
export const ratio = (a: readonly Round[], b: readonly Round[], of: keyof Round): number =>
  median(a.map((round, index) => round[of] / b[index]![of]))

export const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
