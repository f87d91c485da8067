import type { KeyObject } from 'node:crypto'
import { compactVerify, CompactSign, EmbeddedJWK } from 'jose'

/** Where a chain of the log ends, at a time. */
export interface LogEnd {
  /** Whose chain it is, where many share a database. */
  readonly gateway?: string | undefined
  readonly sequence: number
  /** Of the last line. */
  readonly hash: string
  readonly commit?: number | undefined
}

/** A `LogEnd` that was signed. */
export interface SignedHead extends LogEnd {
  readonly time: string
  /** `x` of the JWK that proves it. */
  readonly publicKey: string
}

const TYPE = 'ectx-audit-head'

/** A compact JWS of where the log ends, with the key that proves it. */
export const signHead = (
  { gateway, sequence, hash, commit }: LogEnd, time: string, { privateKey, publicKey }: { privateKey: KeyObject, publicKey: string }
): Promise<string> =>
  new CompactSign(Buffer.from(JSON.stringify({ gateway, sequence, hash, commit, time })))
    .setProtectedHeader({ alg: 'EdDSA', typ: TYPE, jwk: { kty: 'OKP', crv: 'Ed25519', x: publicKey } })
    .sign(privateKey)

/** What `jws` says, which is proved by the key in it alone: whose that is, is for the caller to ask. @throws where it proves nothing */
export async function readHead (jws: string): Promise<SignedHead> {
  const { payload, protectedHeader: { typ, jwk } } = await compactVerify(jws, EmbeddedJWK, { algorithms: ['EdDSA'] })
  const { gateway, sequence, hash, commit, time } = JSON.parse(Buffer.from(payload).toString())
  if (typ !== TYPE || jwk?.x === undefined) throw new Error('it is signed, and no head of an audit log')
  return { gateway, sequence, hash, commit, time, publicKey: jwk.x }
}
