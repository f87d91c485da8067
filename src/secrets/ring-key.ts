import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { hmacUnder } from './hmac.js'

/** What `derive` can make keys from. Printing it shows no key material. */
export interface RingKey {
  readonly id: string
  readonly secret: KeyObject
  /** The code (HMAC-SHA-256) of `parts` behind each other, under a key for nothing but the codes of records. */
  readonly codeOf: (...parts: readonly Uint8Array[]) => Buffer
  /** Another such code, under a key for nothing but the times until which records live. */
  readonly timeCodeOf: (...parts: readonly Uint8Array[]) => Buffer
  /** Another such code, under a key for nothing but to recognise what was sent before. */
  readonly contentCodeOf: (...parts: readonly Uint8Array[]) => Buffer
}

export const KEY_BYTES = 32
/** A key's id: safe as a file name and in messages, and always `KEY_ID_BYTES` long. */
export const KEY_ID = /^key-[0-9a-z]{26}$/
export const KEY_ID_BYTES = 30

// RFC 5869 with SHA-256, no salt and one block of output. It is `hkdfSync` split in two: the first half is the same
// for every context, and the second alone takes a third of the time.
const NO_SALT = Buffer.alloc(KEY_BYTES)

/** The ring key `id` of this material: HKDF-Extract, done once. */
export function ringKey (id: string, material: Uint8Array): RingKey {
  const secret = createSecretKey(createHmac('sha256', NO_SALT).update(material).digest())
  return {
    id,
    secret,
    codeOf: hmacUnder(expand(secret, 'ectx record code 1')),
    timeCodeOf: hmacUnder(expand(secret, 'ectx time code 1')),
    contentCodeOf: hmacUnder(expand(secret, 'ectx content code 1'))
  }
}

/** The key of its own that `key` has for each purpose: HKDF-Expand. */
export const derive = (key: RingKey, purpose: string): Buffer => expand(key.secret, purpose)

const expand = (secret: KeyObject, purpose: string): Buffer =>
  createHmac('sha256', secret).update(purpose).update('\x01').digest()
