import { randomBytes } from 'node:crypto'
import { Type, type Static } from '@sinclair/typebox'
import { ulid } from 'ulid'
import { KEY_BYTES, KEY_ID } from './ring-key.js'

const instant = Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$' })
const born = { id: Type.String({ pattern: KEY_ID.source }), created_at: instant }
const material = Type.String()
const closed = { additionalProperties: false }

export const KeyRowSchema = Type.Union([
  Type.Object({ ...born, state: Type.Literal('active'), material }, closed),
  Type.Object({ ...born, state: Type.Literal('retired'), retired_at: instant, material }, closed),
  Type.Object({ ...born, state: Type.Literal('destroyed'), retired_at: instant, destroyed_at: instant }, closed)
])

/** A key of the ring. `material` is in base64; a destroyed key has none. */
export type KeyRow = Static<typeof KeyRowSchema>
/** The keys of a ring, oldest first. Exactly one is active, none is there twice. */
export type KeyRows = readonly KeyRow[]

type WithoutMaterial<Row> = Row extends KeyRow ? Omit<Row, 'material'> : never
/** A key of the ring without its material. */
export type KeyInfo = WithoutMaterial<KeyRow>
export type RetiredKey = Extract<KeyInfo, { state: 'retired' }>

export const isRing = (rows: KeyRows) => rows.filter(isActive).length === 1 && new Set(rows.map(({ id }) => id)).size === rows.length

export const isActive = ({ state }: KeyRow) => state === 'active'

/** `rows` with a new active key, which the one before makes way for. */
export function rotated (rows: KeyRows, now: number): KeyRows {
  const at = new Date(now).toISOString()
  return [
    ...rows.map(row => row.state === 'active' ? { ...row, state: 'retired' as const, retired_at: at } : row),
    { id: `key-${ulid(now).toLowerCase()}`, created_at: at, state: 'active', material: randomBytes(KEY_BYTES).toString('base64') }
  ]
}

/** `rows` with these keys' material gone for ever. */
export const destroyed = (rows: KeyRows, keys: readonly RetiredKey[], now: number): KeyRows => rows.map(row => {
  const key = keys.find(({ id }) => id === row.id)
  return key === undefined ? row : { ...key, state: 'destroyed', destroyed_at: new Date(now).toISOString() }
})

export function withoutMaterial (row: KeyRow): KeyInfo {
  if (row.state === 'destroyed') return row
  const { material, ...key } = row
  return key
}
