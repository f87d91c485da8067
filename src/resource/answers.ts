import type { Answer } from './answer.js'
import type { Opened } from './sealed-record.js'

/** A page of resources as an operation answers it, for any transport. */
export interface Page<R> {
  /** Each without the values of its secrets. */
  readonly answers: ReadonlyArray<Answer<R>>
  /** The ids of those that belong here and cannot be read. */
  readonly damaged: readonly string[]
  /** Leads to the next page; absent on the last. */
  readonly nextPageToken?: string | undefined
}

/** What such a page is made of. */
export interface LoadedPage extends Omit<Page<never>, 'answers'> {
  readonly opened: readonly Opened[]
}

/** Resources that were asked for by their ids. */
export interface Batch<R> {
  /** In the order that was asked for. */
  readonly answers: ReadonlyArray<Answer<R>>
  readonly notFound: readonly string[]
}

/** What such an answer is made of. */
export interface LoadedBatch extends Omit<Batch<never>, 'answers'> {
  readonly opened: readonly Opened[]
}
