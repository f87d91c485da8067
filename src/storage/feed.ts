import { GatewayError } from '../errors.js'

/** Something that the feed tells of, which an engine does not understand. */
export interface StoreEvent {
  readonly kind: string
  readonly id: string
  readonly data: string
}

/** An event of the feed. */
export interface Change {
  /** Its place: places are compared as text, and a later one is greater. Whoever asks for what comes after it misses and repeats nothing. */
  readonly position: string
  /** When it was committed, in milliseconds since 1970. */
  readonly time: number
  /** Absent where it cannot be read: it holds up none of the others. */
  readonly event: StoreEvent | undefined
}

/** How long changes are kept: those that are both young enough and among the latest. */
export interface Keeping {
  readonly ms: number
  readonly most: number
}

/**
 * The events that came along with changes, in the order of the commits and without a gap, for as long as they are kept; the conformance
 * suite of stores checks it.
 */
export interface Feed {
  /**
   * Up to `limit` after that position; from the oldest that is kept where there is none.
   * @throws `invalid_argument` where that is no position of this feed, `out_of_range` where what came after it is no longer kept
   */
  changes (after: string | undefined, limit: number): Promise<readonly Change[]>
  /** The position of the latest change, or before the first. */
  last (): Promise<string>
  /** Calls `listener` when there may be more, until the answered function is called. */
  listen (listener: () => void): () => void
  /** Drops what is not to be kept any more. Answers how many. */
  trim (keeping: Keeping): Promise<number>
}

export const noPosition = () =>
  new GatewayError('invalid_argument', 'that is no position of this feed: take one that an event came with, or `now`, or none')

export const trimmed = (oldest: string) => new GatewayError(
  'out_of_range',
  `what came after that position is no longer kept, and would be missed: go on after '${oldest}', the oldest position`
)
