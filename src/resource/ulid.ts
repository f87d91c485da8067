import { randomFillSync } from 'node:crypto'
import { ulid } from 'ulid'

const pool = new Uint8Array(4096)
let used = pool.length

/** Uniform in [0, 1), from the system's cryptographic generator. A ULID takes 16: so they are fetched many at a time. */
function random (): number {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  return pool[used++]! / 256
}

/** A lower-case ULID of the instant `at`, in milliseconds since 1970. */
export const newUlid = (at: number): string => ulid(at, random).toLowerCase()

/** Before the ULID of the id of a version. */
export const VERSION_PREFIX = 'ver-'
