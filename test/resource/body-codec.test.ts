import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import fc from 'fast-check'
import { GatewayError } from '../../src/errors.js'
import { decodeBody, encodeClear } from '../../src/resource/body-codec.js'
import { newRecord } from '../support/records.js'

// The id of a key, and a code.
const PROOF = Buffer.from(`key-${'0'.repeat(26)}${'c'.repeat(32)}`)
const text = fc.string({ unit: 'grapheme' })
const clear = fc.record({ json: text.filter(json => json !== ''), accessHash: fc.uint8Array({ maxLength: 40 }) })
const recordOf = (body: Uint8Array) => newRecord('exec-x', { body })
const isDamaged = (body: Uint8Array) => {
  try {
    decodeBody(recordOf(body))
    return false
  } catch (error) {
    return error instanceof GatewayError && error.code === 'internal' && error.message.includes("'exec-x'")
  }
}

t.test('a body that is encoded and decoded is the same, whatever is sealed behind it', async t => {
  fc.assert(fc.property(clear, fc.uint8Array(), (clear, sealed) => {
    const bytes = encodeClear(clear)
    const decoded = decodeBody(recordOf(Buffer.concat([bytes, sealed, PROOF])))
    return isDeepStrictEqual({ json: decoded.json, accessHash: Uint8Array.from(decoded.accessHash) }, { ...clear }) &&
      Buffer.concat([bytes, sealed]).equals(decoded.content) && Buffer.from(sealed).equals(decoded.sealed) &&
      PROOF.equals(Buffer.concat([Buffer.from(decoded.keyId), decoded.code]))
  }))
})

t.test('a body that is cut within its clear part is damaged', async t => {
  fc.assert(fc.property(clear, fc.nat(), (clear, length) => {
    const bytes = encodeClear(clear)
    return isDamaged(Buffer.concat([bytes.subarray(0, length % bytes.length), PROOF]))
  }))
})

t.test('any bytes are a body or damaged, and nothing else', async t => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), bytes => {
    if (isDamaged(bytes)) return
    const { content, keyId, code } = decodeBody(recordOf(bytes))
    t.ok(Buffer.concat([content, Buffer.from(keyId), code]).equals(bytes))
  }))
})
