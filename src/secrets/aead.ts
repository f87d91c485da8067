import { createCipheriv, createDecipheriv, randomBytes, type CipherKey } from 'node:crypto'

const ALGORITHM = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16
const OPTIONS = { authTagLength: TAG_BYTES }

/** What a box is longer than its plaintext. */
export const OVERHEAD_BYTES = NONCE_BYTES + TAG_BYTES

/** A box that only `key` and the same `context` open: a random nonce, the ciphertext, the tag. */
export function encrypt (key: CipherKey, context: Uint8Array, plaintext: Uint8Array | string): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(ALGORITHM, key, nonce, OPTIONS).setAAD(context)
  const ciphertext = typeof plaintext === 'string' ? cipher.update(plaintext, 'utf8') : cipher.update(plaintext)
  return Buffer.concat([nonce, ciphertext, cipher.final(), cipher.getAuthTag()])
}

/** What is in `box`. @throws where anything about it, the key or the context is another */
export function decrypt (key: CipherKey, context: Uint8Array, box: Uint8Array): Buffer {
  if (box.length < OVERHEAD_BYTES) throw new Error('the box is too short')
  const end = box.length - TAG_BYTES
  const decipher = createDecipheriv(ALGORITHM, key, box.subarray(0, NONCE_BYTES), OPTIONS)
    .setAAD(context)
    .setAuthTag(box.subarray(end))
  const plaintext = decipher.update(box.subarray(NONCE_BYTES, end))
  // Throws where the tag is wrong: not before may the plaintext be believed.
  decipher.final()
  return plaintext
}
