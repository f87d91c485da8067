import { createHash, type KeyObject } from 'node:crypto'
import { Type, type Static } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { isRing, KeyRowSchema, type KeyRow, type KeyRows } from '../../../secrets/key-row.js'
import { KEY_BYTES } from '../../../secrets/ring-key.js'
import { unwrap, wrap } from '../../../secrets/root-key.js'

/** The number of the form of the file. A change of it brings a migration from the one before. */
const FORMAT = 1
const ContentSchema = Type.Object({
  version: Type.Literal(FORMAT),
  wrapped: Type.Boolean(),
  keys: Type.Array(KeyRowSchema)
}, { additionalProperties: false })
type Content = Static<typeof ContentSchema>

/** What is wrong with a ring's file and what to do, in words that follow on its name. It quotes nothing from the file. */
export class UnusableRing extends Error {
  override readonly name = 'UnusableRing'
}

/** The text of the ring's file. Its checksum is there because an altered key would still be a key. */
export function renderRing (rows: KeyRows, rootKey: KeyObject | undefined): string {
  const content: Content = {
    version: FORMAT,
    wrapped: rootKey !== undefined,
    keys: rows.map(row => rootKey === undefined ? row : withMaterial(row, material => wrap(rootKey, rows, row.id, material)))
  }
  return JSON.stringify({ ...content, sha256: checksum(content) }, null, 2) + '\n'
}

/**
 * The keys that the file's `text` holds, their material in clear; and whether it was `wrapped` there.
 * @throws {UnusableRing}
 */
export function parseRing (text: string, rootKey: KeyObject | undefined): { rows: KeyRows, wrapped: boolean } {
  const { wrapped, keys } = parseContent(text)
  if (wrapped && rootKey === undefined) throw new UnusableRing('is wrapped by a root key: set ECTX_ROOT_KEY or ECTX_ROOT_KEY_FILE to it')
  const rows = keys.map(row => withMaterial(row, material => {
    const clear = wrapped ? unwrapped(rootKey!, keys, row.id, material) : material
    if (clear.length !== KEY_BYTES) throw damaged()
    return clear
  }))
  return { rows, wrapped }
}

function parseContent (text: string): Content {
  try {
    const { sha256, ...content } = JSON.parse(text)
    if (sha256 === checksum(content)) {
      if (Number.isInteger(content.version) && content.version !== FORMAT) throw otherFormat(content.version)
      if (Value.Check(ContentSchema, content) && isRing(content.keys)) return content
    }
  } catch (error) {
    // No other is kept as the cause: the parser's message quotes the text.
    if (error instanceof UnusableRing) throw error
  }
  throw damaged()
}

function unwrapped (rootKey: KeyObject, ring: KeyRows, keyId: string, material: Buffer): Buffer {
  try {
    return unwrap(rootKey, ring, keyId, material)
  } catch {
    throw new UnusableRing(
      'is wrapped by another root key, or was changed: set ECTX_ROOT_KEY or ECTX_ROOT_KEY_FILE to the one it was wrapped by, or restore it from a backup'
    )
  }
}

const damaged = () => new UnusableRing('is damaged: restore it from a backup')
const otherFormat = (format: number) =>
  new UnusableRing(`is of format ${format}, and this version knows ${FORMAT}: run the version that made it`)

const checksum = (content: object) => createHash('sha256').update(JSON.stringify(content)).digest('hex')

const withMaterial = (row: KeyRow, change: (material: Buffer) => Buffer): KeyRow =>
  row.state === 'destroyed' ? row : { ...row, material: change(Buffer.from(row.material, 'base64')).toString('base64') }
