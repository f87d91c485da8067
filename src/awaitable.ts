/** What may be there already: then nobody waits for a promise. */
export type Awaitable<T> = T | Promise<T>

/** What `next` makes of `value`: at once where that is there. */
export const andThen = <T, Result>(value: Awaitable<T>, next: (value: T) => Awaitable<Result>): Awaitable<Result> =>
  value instanceof Promise ? value.then(next) : next(value)
