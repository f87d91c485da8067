import type { Caller } from '../auth/caller.js'

/** What every operation starts from, whatever transport brought it. */
export interface Call<Input> {
  readonly caller: Caller
  readonly input: Input
  readonly requestId: string
}
