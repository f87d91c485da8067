import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { hmacUnder } from '../../../secrets/hmac.js'

/** What the store held when its last change was committed. */
export interface State {
  /** How many changes there were before, and this one. */
  readonly sequence: number
  /** How many records there are. */
  readonly count: number
  /** The number of the last audit event that came along with a change. */
  readonly audit: number
  /** The number of the last event of the feed. */
  readonly events: number
  /** The exclusive or of the codes of all entries: any order of the same changes leads to the same. */
  readonly sum: Buffer
}

export const SET_KEY_BYTES = 32
const SUM_BYTES = 32
const NONCE_BYTES = 16
const LOG_CODE_BYTES = 16
const AT = { sequence: 0, count: 8, audit: 16, events: 24, nonce: 32, sum: 32 + NONCE_BYTES, code: 32 + NONCE_BYTES + SUM_BYTES }
const STATE_BYTES = AT.code + 32

export const NOTHING: State = { sequence: 0, count: 0, audit: 0, events: 0, sum: Buffer.alloc(SUM_BYTES) }

/** What stands for a value in the sum. */
export const digestOf = (value: Uint8Array): string => hash('sha256', value, 'hex')

/**
 * The key that proves what a store holds. A set of entries is known by the exclusive or of their codes (a set hash in the manner of
 * Clarke et al., "Incremental multiset hash functions", 2003), which changes with each entry that comes or goes and never needs
 * the others. That is sound as long as nobody sees it: who could would find other entries with the same one. So it is kept
 * under a mask that is used once.
 */
export class SetKey {
  readonly #entryCode: ReturnType<typeof hmacUnder>
  readonly #maskOf: ReturnType<typeof hmacUnder>
  readonly #stateCode: ReturnType<typeof hmacUnder>
  readonly #logCode: ReturnType<typeof hmacUnder>

  constructor (readonly material: Uint8Array) {
    const keyFor = (purpose: string) => hmacUnder(createHmac('sha256', material).update(purpose).digest())
    this.#entryCode = keyFor('ectx entry code 1')
    this.#maskOf = keyFor('ectx state mask 1')
    this.#stateCode = keyFor('ectx state code 1')
    this.#logCode = keyFor('ectx log code 1')
  }

  static random (): SetKey {
    return new SetKey(randomBytes(SET_KEY_BYTES))
  }

  /** Has `sum` tell of the entry with the value of that `digest`, or no longer, where it did. */
  toggle (sum: Buffer, key: string, digest: string): void {
    const code = this.#entryCode(Buffer.from(`${digest} ${key}`))
    for (let at = 0; at < SUM_BYTES; at++) sum[at]! ^= code[at]!
  }

  /** What proves the text of an entry that is known by its number, such as an audit event's. */
  codeOf (key: string, text: string): Buffer {
    return this.#logCode(Buffer.from(`${key} ${text}`)).subarray(0, LOG_CODE_BYTES)
  }

  isCodeOf (key: string, text: string, code: Uint8Array): boolean {
    return code.length === LOG_CODE_BYTES && timingSafeEqual(this.codeOf(key, text), code)
  }

  /** The state, such that nobody can make another or learn its sum. */
  seal ({ sequence, count, audit, events, sum }: State): Buffer {
    const bytes = Buffer.allocUnsafe(STATE_BYTES)
    bytes.writeDoubleLE(sequence, AT.sequence)
    bytes.writeDoubleLE(count, AT.count)
    bytes.writeDoubleLE(audit, AT.audit)
    bytes.writeDoubleLE(events, AT.events)
    bytes.set(randomBytes(NONCE_BYTES), AT.nonce)
    this.#mask(bytes, sum)
    bytes.set(this.#stateCode(bytes.subarray(0, AT.code)), AT.code)
    return bytes
  }

  /** The state that was sealed; `undefined` where this is none of ours. */
  open (bytes: Buffer): State | undefined {
    if (bytes.length !== STATE_BYTES) return undefined
    if (!timingSafeEqual(this.#stateCode(bytes.subarray(0, AT.code)), bytes.subarray(AT.code))) return undefined
    const opened = Buffer.from(bytes)
    this.#mask(opened, bytes.subarray(AT.sum, AT.code))
    return {
      sequence: bytes.readDoubleLE(AT.sequence),
      count: bytes.readDoubleLE(AT.count),
      audit: bytes.readDoubleLE(AT.audit),
      events: bytes.readDoubleLE(AT.events),
      sum: opened.subarray(AT.sum, AT.code)
    }
  }

  /** Writes `sum` under its mask, or takes it off. */
  #mask (bytes: Buffer, sum: Uint8Array): void {
    const mask = this.#maskOf(bytes.subarray(AT.nonce, AT.sum))
    for (let at = 0; at < SUM_BYTES; at++) bytes[AT.sum + at] = sum[at]! ^ mask[at]!
  }
}
