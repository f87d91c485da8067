import { createSecretKey, hash, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { GatewayError } from '../errors.js'
import { fileProblem } from '../files/file-problem.js'
import { decrypt, encrypt } from './aead.js'
import type { KeyInfo } from './key-row.js'
import { KEY_BYTES } from './ring-key.js'

const HEX = /^[0-9a-f]{64}$/i
const BASE64 = /^[a-z0-9+/_-]{43}=?$/i

/** The key that `text` is: 32 bytes in base64 or hex. @throws `invalid_argument` that says how to make one */
export function parseRootKey (text: string): KeyObject {
  const trimmed = text.trim()
  const encoding = HEX.test(trimmed) ? 'hex' : BASE64.test(trimmed) ? 'base64' : undefined
  if (encoding === undefined) {
    throw new GatewayError(
      'invalid_argument',
      `a root key is ${KEY_BYTES} bytes in base64 or hex; make one with: openssl rand -base64 ${KEY_BYTES}`
    )
  }
  return createSecretKey(Buffer.from(trimmed, encoding))
}

interface RootKeyVariables {
  readonly ECTX_ROOT_KEY?: string | undefined
  readonly ECTX_ROOT_KEY_FILE?: string | undefined
}

/**
 * The root key that ECTX_ROOT_KEY is or ECTX_ROOT_KEY_FILE holds, where one of them is set.
 * @throws `invalid_argument` naming the variable
 */
export function loadRootKey ({ ECTX_ROOT_KEY: text, ECTX_ROOT_KEY_FILE: file }: RootKeyVariables): KeyObject | undefined {
  if (text && file) throw new GatewayError('invalid_argument', 'set ECTX_ROOT_KEY or ECTX_ROOT_KEY_FILE, not both')
  if (text) return named('ECTX_ROOT_KEY', () => parseRootKey(text))
  if (file) return named('ECTX_ROOT_KEY_FILE', () => parseRootKey(read(file)))
}

function read (file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new GatewayError('invalid_argument', `${file} cannot be read${fileProblem(cause)}`, { cause })
  }
}

function named (variable: string, load: () => KeyObject): KeyObject {
  try {
    return load()
  } catch (error) {
    throw new GatewayError('invalid_argument', `${variable}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
}

/**
 * A ring key's material as only `rootKey` can read it, and only as that key's in a ring of just these keys: of another order, or
 * with another date or state of any of them, none of its keys can be read.
 */
export const wrap = (rootKey: KeyObject, ring: readonly KeyInfo[], keyId: string, material: Uint8Array): Buffer =>
  encrypt(rootKey, boundTo(ring, keyId), material)

/** @throws where `wrapped` was not made by `wrap` with the same root key, ring and id */
export const unwrap = (rootKey: KeyObject, ring: readonly KeyInfo[], keyId: string, wrapped: Uint8Array): Buffer =>
  decrypt(rootKey, boundTo(ring, keyId), wrapped)

function boundTo (ring: readonly KeyInfo[], keyId: string): Buffer {
  const keys = ring.map(key => [
    key.id, key.state, key.created_at, 'retired_at' in key ? key.retired_at : null, 'destroyed_at' in key ? key.destroyed_at : null
  ])
  return Buffer.from(`ectx ring key 2 ${keyId} ${hash('sha256', JSON.stringify(keys))}`)
}
