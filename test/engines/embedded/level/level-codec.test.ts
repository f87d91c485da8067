import { isDeepStrictEqual } from 'node:util'
import t, { type Test } from 'tap'
import fc from 'fast-check'
import { decodeRecord, encodeRecord } from '../../../../src/engines/embedded/level/level-codec.js'
import {
  attributePrefix, expireTimeKey, expiryKey, expiryPrefix, indexKeys, recordKey, sealedPrefix, slugKey
} from '../../../../src/engines/embedded/level/level-keys.js'
import { GatewayError } from '../../../../src/errors.js'
import type { StoredRecord } from '../../../../src/storage/store.js'
import { plain } from '../../../support/records.js'

const holds = (t: Test, property: fc.IRawProperty<any>) => t.doesNotThrow(() => fc.assert(property))

const name = fc.string({ unit: 'binary', minLength: 1 }).filter(text => !text.includes('\0'))
const time = fc.maxSafeNat()
const record = fc.record({
  kind: name,
  id: name,
  scope: fc.string({ unit: 'binary' }),
  slug: fc.option(name, { nil: undefined }),
  indexed: fc.dictionary(name, fc.uniqueArray(fc.string({ unit: 'binary' }), { maxLength: 3 }), { maxKeys: 3, noNullPrototype: true }),
  expireTime: fc.option(time, { nil: undefined }),
  sealedBy: fc.option(name, { nil: undefined }),
  revision: fc.integer({ min: 1, max: 0xffff_ffff }),
  body: fc.uint8Array({ maxLength: 2000 })
})

const isDamaged = (value: Buffer, { kind, id }: { kind: string, id: string }) => {
  try {
    decodeRecord(value, kind, id, () => ({ expireTime: 1 }))
    return false
  } catch (error) {
    return error instanceof GatewayError && error.code === 'internal' && error.message.includes(`'${id}'`)
  }
}

t.test('a record that is encoded and decoded is the same', async t => {
  holds(t, fc.property(record, record =>
    isDeepStrictEqual(
      plain(decodeRecord(encodeRecord(record), record.kind, record.id, () => ({ expireTime: record.expireTime! }))), plain(record)
    )))
})

t.test('a record with any one byte changed is damaged', async t => {
  holds(t, fc.property(record, fc.nat(), fc.integer({ min: 1, max: 255 }), (record, at, bits) => {
    const value = encodeRecord(record)
    value[at % value.length]! ^= bits
    return isDamaged(value, record)
  }))
})

t.test('a record that is cut short or has more behind it is damaged', async t => {
  holds(t, fc.property(record, fc.nat(), fc.uint8Array({ minLength: 1 }), (record, length, more) => {
    const value = encodeRecord(record)
    return isDamaged(value.subarray(0, length % value.length), record) && isDamaged(Buffer.concat([value, more]), record)
  }))
})

t.test('any bytes, and the record of another, are damaged', async t => {
  holds(t, fc.property(fc.uint8Array(), bytes => isDamaged(Buffer.from(bytes), { kind: 'kind', id: 'a' })))
  holds(t, fc.property(record, name, (record, id) =>
    fc.pre(id !== record.id) ?? isDamaged(encodeRecord(record), { kind: record.kind, id })))
})

t.test('keys of two records meet only where records may not: at a slug of one kind and scope', async t => {
  const keysOf = (record: StoredRecord) => [
    recordKey(record.kind, record.id),
    expireTimeKey(record.kind, record.id),
    slugKey(record.kind, record.scope, record.slug ?? ''),
    expiryKey(record.kind, record.id, record.expireTime ?? 0),
    ...indexKeys(record)
  ]
  holds(t, fc.property(record, record, (a, b) => {
    fc.pre(a.kind !== b.kind || (a.id !== b.id && (a.scope !== b.scope || a.slug !== b.slug)))
    const keys = [a, b].flatMap(keysOf)
    return new Set(keys).size === keys.length
  }))
})

t.test('no index holds a key of another value or another ring key', async t => {
  const any = fc.string({ unit: 'binary' })
  holds(t, fc.property(name, name, any, any, (kind, attribute, one, other) => {
    fc.pre(one !== other)
    return !attributePrefix(kind, attribute, one).startsWith(attributePrefix(kind, attribute, other))
  }))
  holds(t, fc.property(name, name, (one, other) => {
    fc.pre(one !== other)
    return !sealedPrefix(one).startsWith(sealedPrefix(other))
  }))
})

t.test('keys by expiry sort by time', async t => {
  holds(t, fc.property(time, time, (a, b) =>
    Math.sign(a - b) === Buffer.compare(Buffer.from(expiryPrefix(a)), Buffer.from(expiryPrefix(b)))))
})
