import { createPrivateKey, createPublicKey, generateKeyPairSync, hkdfSync, type KeyObject } from 'node:crypto'

/** An Ed25519 key pair, for nothing but to sign where the audit log ends. */
export interface HeadKey {
  readonly privateKey: KeyObject
  /** As `x` of its JWK: what an auditor keeps. */
  readonly publicKey: string
}

// PKCS #8 of an Ed25519 key (RFC 8410), before its seed.
const PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const SEED_BYTES = 32

/**
 * The key that belongs to `rootKey`: the same at each start, and nowhere on the disk. Without a root key another at each start, in memory
 * alone: a key that lay beside the log would be there for whoever writes that anew.
 */
export function headKey (rootKey: KeyObject | undefined): HeadKey {
  const privateKey = rootKey === undefined ? generateKeyPairSync('ed25519').privateKey : derived(rootKey)
  return { privateKey, publicKey: createPublicKey(privateKey).export({ format: 'jwk' }).x! }
}

function derived (rootKey: KeyObject): KeyObject {
  const seed = Buffer.from(hkdfSync('sha256', rootKey, Buffer.alloc(0), 'ectx audit head 1', SEED_BYTES))
  return createPrivateKey({ key: Buffer.concat([PREFIX, seed]), format: 'der', type: 'pkcs8' })
}
