import { isDeepStrictEqual } from 'node:util'
import t, { type Test } from 'tap'
import fc from 'fast-check'
import { decodeRecord, encodeRecord, expireTimeBound, indexKeys, indexPrefix, recordKey } from '../../../../src/engines/embedded/level/level-codec.js'
import { GatewayError } from '../../../../src/errors.js'
import { plain } from '../../../support/records.js'

const holds = (t: Test, property: fc.IRawProperty<any>) => t.doesNotThrow(() => fc.assert(property))

const name = fc.string({ unit: 'binary', minLength: 1 }).filter(text => !text.includes('\0'))
const time = fc.maxSafeNat()
const record = fc.record({
  kind: name,
  id: name,
  slug: name,
  executionId: fc.string({ unit: 'binary' }),
  expireTime: fc.option(time, { nil: undefined }),
  revision: fc.integer({ min: 1, max: 0xffff_ffff }),
  body: fc.uint8Array({ maxLength: 2000 })
})

const isDamaged = (value: Buffer, { kind, id }: { kind: string, id: string }) => {
  try {
    decodeRecord(value, kind, id)
    return false
  } catch (error) {
    return error instanceof GatewayError && error.code === 'internal' && error.message.includes(`'${id}'`)
  }
}

t.test('a record that is encoded and decoded is the same', async t => {
  holds(t, fc.property(record, record =>
    isDeepStrictEqual(plain(decodeRecord(encodeRecord(record), record.kind, record.id)), plain(record))))
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

t.test('keys of two records meet only where records may not: at a slug of one kind', async t => {
  holds(t, fc.property(record, record, (a, b) => {
    fc.pre(a.kind !== b.kind || (a.id !== b.id && a.slug !== b.slug))
    const keys = [a, b].flatMap(record => [recordKey(record.kind, record.id), ...indexKeys(record)])
    return new Set(keys).size === keys.length
  }))
})

t.test('the index of one execution never holds a key of another', async t => {
  holds(t, fc.property(name, fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (kind, one, other) => {
    fc.pre(one !== other)
    return !indexPrefix.byExecution(kind, one).startsWith(indexPrefix.byExecution(kind, other))
  }))
})

t.test('keys by expiry sort by time', async t => {
  holds(t, fc.property(name, time, time, (kind, a, b) =>
    Math.sign(a - b) === Buffer.compare(Buffer.from(expireTimeBound(kind, a)), Buffer.from(expireTimeBound(kind, b)))))
})
