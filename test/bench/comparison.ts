import { estimate, type Estimate } from './estimate.js'

/** What a request cost in the three processes of a block. */
export interface Triple {
  readonly other: number
  readonly one: number
  readonly again: number
}

/** Of logarithms, for which twice as much is as far as half as much. */
export interface Comparison {
  /** This checkout's, of both its processes, beside the other commit's. */
  readonly ratio: Estimate
  /** One of this checkout's beside its other. */
  readonly control: Estimate
}

/** Ratios are taken within a block: what the machine was like is in both sides of each. */
export const compare = (blocks: readonly Triple[]): Comparison => ({
  ratio: estimate(blocks.map(({ other, one, again }) => Math.log(Math.sqrt(one * again) / other))),
  control: estimate(blocks.map(({ one, again }) => Math.log(again / one)))
})
