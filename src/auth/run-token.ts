import { hash, randomBytes, timingSafeEqual } from 'node:crypto'

// A context's id has no "_", so that the text splits in one way only.
const RUN_TOKEN = /^ectx_run_([a-z0-9-]{1,64})_[A-Za-z0-9_-]{43}$/

/** The key to one context, for the run that it is for. */
export interface RunToken {
  /** For its holder, once. */
  readonly token: string
  /** What is kept of it. */
  readonly hash: Uint8Array
}

/** A new token for the context `contextId`. */
export function newRunToken (contextId: string): RunToken {
  const token = `ectx_run_${contextId}_${randomBytes(32).toString('base64url')}`
  return { token, hash: hash('sha256', token, 'buffer') }
}

/** The context that `token` says it is for, and its hash; `undefined` where it has not the form of a run token. */
export function parseRunToken (token: string): { contextId: string, hash: Uint8Array } | undefined {
  const contextId = RUN_TOKEN.exec(token)?.[1]
  return contextId === undefined ? undefined : { contextId, hash: hash('sha256', token, 'buffer') }
}

/** Whether two hashes are one, in a time that does not tell where they differ. */
export const sameHash = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b)
