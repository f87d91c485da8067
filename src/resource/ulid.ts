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

/** A lower-case ULID of this instant. */
export const newUlid = (at: Date): string => ulid(at.getTime(), random).toLowerCase()
