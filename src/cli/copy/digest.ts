import { createHash } from 'node:crypto'
import type { StoredRecord } from '../../storage/store.js'

const EMPTY = new Uint8Array()

/** SHA-256 of all that a store keeps of the record, whichever engine it comes from. */
export function digestOf ({
  kind, id, scope, slug, indexed, expireTime, expireProof = EMPTY, sealedBy, revision, body
}: StoredRecord): Buffer {
  // Engines need not keep the order of attributes.
  const attributes = Object.keys(indexed).sort().map(attribute => [attribute, indexed[attribute]])
  const fields = [kind, id, scope, slug ?? null, attributes, expireTime ?? null, sealedBy ?? null, revision]
  const proof = Buffer.from(expireProof).toString('hex')
  return createHash('sha256').update(JSON.stringify([...fields, proof])).update('\n').update(body).digest()
}
