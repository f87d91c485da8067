import type { Duration } from '@bufbuild/protobuf/wkt'

/** In milliseconds and parts of them. */
export const exactMs = ({ seconds, nanos }: Duration): number => Number(seconds) * 1_000 + nanos / 1_000_000

/** In whole milliseconds: what is less does not count. */
export const durationMs = (duration: Duration): number => Math.floor(exactMs(duration))

/** As `durationMs`, of a duration as protobuf writes it in JSON, such as `1.5s`. */
export function durationMsOf (json: string): number {
  const [whole = '', fraction = ''] = json.slice(0, -1).split('.')
  return Number(whole) * 1_000 + Number(fraction.padEnd(3, '0').slice(0, 3))
}
