import type { Filter, StoredRecord } from './store.js'

/** Whether `record` has all that `filter` asks for. */
export const passes = ({ indexed, expireTime = Infinity }: StoredRecord, { indexed: wanted = [], expiresBefore }: Filter): boolean =>
  (expiresBefore === undefined || expireTime < expiresBefore) &&
  wanted.every(({ attribute, value }) => indexed[attribute]?.includes(value) === true)
