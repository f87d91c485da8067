import { hash } from 'node:crypto'

const BLOCK_BYTES = 64
const [INNER, OUTER] = [0x36, 0x5c]

/**
 * HMAC-SHA-256 (RFC 2104) under `key`, of at most 64 bytes, of all parts behind each other. It is `createHmac` by two one-shot
 * hashes: without an object of OpenSSL for each call, which the garbage collector has to look after, it takes a third of the time.
 */
export function hmacUnder (key: Uint8Array): (...parts: readonly Uint8Array[]) => Buffer {
  const inner = padded(key, INNER)
  const outer = Buffer.concat([padded(key, OUTER), Buffer.alloc(32)])
  return (...parts) => {
    // As text it is made in half the time that it takes as bytes.
    outer.write(hash('sha256', Buffer.concat([inner, ...parts]), 'hex'), BLOCK_BYTES, 'hex')
    return Buffer.from(hash('sha256', outer, 'hex'), 'hex')
  }
}

function padded (key: Uint8Array, pad: number): Buffer {
  if (key.length > BLOCK_BYTES) throw new RangeError('the key is longer than a block')
  return Buffer.alloc(BLOCK_BYTES).fill(key, 0, key.length).map(byte => byte ^ pad) as Buffer
}
