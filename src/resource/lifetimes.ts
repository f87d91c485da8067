/** How long resources may live, in milliseconds. */
export interface Lifetimes {
  readonly defaultMs: number
  readonly maxMs: number
}
