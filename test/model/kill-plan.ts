import fc from 'fast-check'

// What many clients do to a gateway until it is killed, and what of that they know.

export type Deed =
  /** Makes a context, whose slug is its own or the nth of a few; with a key it may be sent again. */
  | { readonly do: 'make', readonly hasKey: boolean, readonly hasLease: boolean, readonly wantsToken: boolean, readonly slug?: number }
  /** Sends again what has a key, though it may not be answered yet. */
  | { readonly do: 'make again', readonly nth: number, readonly wantsToken: boolean }
  | { readonly do: 'delete' | 'beat', readonly nth: number }

export interface Plan {
  /** Of each client, which begins anew at the end. */
  readonly deeds: readonly Deed[][]
  /** After so many answers. */
  readonly killedAfter: number
}

const CLIENTS = 24
const nth = fc.nat(1_000)

const make: fc.Arbitrary<Deed> = fc.record({
  do: fc.constant('make' as const),
  hasKey: fc.boolean(),
  hasLease: fc.boolean(),
  wantsToken: fc.boolean(),
  slug: fc.constantFrom(undefined, undefined, undefined, undefined, 0, 1, 2)
})
const deed = fc.oneof<Array<fc.WeightedArbitrary<Deed>>>(
  { arbitrary: make, weight: 4 },
  { arbitrary: fc.record({ do: fc.constant('make again' as const), nth, wantsToken: fc.boolean() }), weight: 3 },
  { arbitrary: fc.record({ do: fc.constantFrom('delete' as const, 'beat' as const), nth }), weight: 3 }
)
const deeds = fc.tuple(make, fc.array(deed, { minLength: 3, maxLength: 10, size: 'max' })).map(([first, others]) => [first, ...others])

export const plans: fc.Arbitrary<Plan> = fc.record({
  deeds: fc.array(deeds, { minLength: CLIENTS, maxLength: CLIENTS }),
  killedAfter: fc.integer({ min: 1, max: 400 })
}).map(plan => ({ ...plan, [fc.toStringMethod]: () => `a plan that ends after ${plan.killedAfter} answers` }))

/** A context that was made for sure. */
export interface Made {
  readonly id: string
  /** As it is read. */
  readonly context: object
  /** How many wanted to delete it. */
  deletions: number
  /** Whether one of them was told that it is gone. */
  isDeleted: boolean
  /** Until when a heartbeat was told to keep it. */
  keptUntil?: string
}

/** A request that makes a context, which was sent once, or with a key any number of times. */
export interface Wish {
  /** No other has it: a label of the context, its value and, if it has one, its key. */
  readonly mark: string
  readonly slug: string
  readonly hasKey: boolean
  readonly hasLease: boolean
  /** How often it was sent without an answer, and of these how often for a run token. */
  unanswered: number
  unansweredTokens: number
  /** The run tokens that were answered, of which the last to be made is in force. */
  readonly tokens: string[]
  made?: Made
}

export const bodyOf = ({ mark, slug, hasLease }: Wish, round: string) => ({
  metadata: { slug, labels: { mark, round } },
  spec: {
    execution_id: round,
    data: { VALUE: { value: `${mark} `.repeat(100) }, SECRET: { value: `secret of ${mark}`, is_secret: true } },
    ttl: '604800s',
    ...(hasLease && { lease: '86400s' })
  }
})
