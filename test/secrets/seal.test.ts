import { createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import fc from 'fast-check'
import { GatewayError } from '../../src/errors.js'
import { encrypt } from '../../src/secrets/aead.js'
import { ringKey, type RingKey } from '../../src/secrets/ring-key.js'
import { leafOf, openText } from '../../src/secrets/seal.js'
import { now } from '../support/now.js'
import * as sealing from './support.js'

const { CONTEXT, seal } = sealing
const open = (...args: Parameters<typeof sealing.open>) => now(sealing.open(...args))

const material = randomBytes(32)
const key = ringKey('key-' + '1'.repeat(26), material)
const other = ringKey('key-' + '2'.repeat(26), randomBytes(32))

const ringOf = (...keys: RingKey[]) => ({
  key (id: string) {
    const found = keys.find(key => key.id === id)
    if (found === undefined) throw new GatewayError('unavailable', `no key '${id}'`)
    return found
  }
})
const ring = ringOf(key, other)

/** The code with which `sealed` is refused; `opened` where it is not. */
function refusal (sealed: Uint8Array, context = CONTEXT, keys = ring): string {
  try {
    open(keys, context, sealed)
    return 'opened'
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    return error.code === 'internal' && !error.message.includes(`'${context}'`) ? 'names no context' : error.code
  }
}
const holds = (t: Test, property: fc.IRawProperty<any>) => t.doesNotThrow(() => fc.assert(property))
const contextId = fc.string({ unit: 'grapheme', maxLength: 100 })

t.test('what was sealed is opened, bit for bit', async t => {
  holds(t, fc.property(contextId, fc.uint8Array({ maxLength: 3000 }), (id, bytes) => open(ring, id, seal(key, id, bytes)).equals(bytes)))
  holds(t, fc.property(contextId, fc.string({ unit: 'grapheme' }), (id, text) => open(ring, id, seal(key, id, text)).toString() === text))
  const long = 'ä'.repeat(1 << 20)
  t.ok(open(ring, CONTEXT, seal(key, CONTEXT, long)).toString() === long)
})

t.test('what looks sealed is sealed again', async t => {
  const inner = seal(key, CONTEXT, 'secret')
  const outer = seal(key, CONTEXT, inner)
  t.notOk(outer.includes(inner))
  t.ok(open(ring, CONTEXT, outer).equals(inner))
  t.equal(open(ring, CONTEXT, open(ring, CONTEXT, outer)).toString(), 'secret')
})

t.test('the same secret never looks the same twice', async t => {
  const sealed = Array.from({ length: 200 }, () => seal(key, CONTEXT, 'secret').toString('hex'))
  t.equal(new Set(sealed).size, sealed.length)
})

t.test('nothing of a secret shows but its length', async t => {
  const secret = 'canary-'.repeat(10)
  const sealed = seal(key, CONTEXT, secret)
  for (const form of [secret, 'canary', Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('hex')]) t.notOk(sealed.includes(form))
  t.equal(sealed.length, seal(key, CONTEXT, 'x'.repeat(secret.length)).length)
})

t.test('a record with any one byte changed is refused', async t => {
  const sealed = seal(key, CONTEXT, 'secret')
  const keyIdStart = 1
  const keyIdEnd = keyIdStart + key.id.length
  const wrong: string[] = []
  for (let at = 0; at < sealed.length; at++) {
    // A changed key id may well be the id of a key, though of none in the ring.
    const codes = at >= keyIdStart && at < keyIdEnd ? ['internal', 'unavailable'] : ['internal']
    for (let bits = 1; bits < 256; bits++) {
      const changed = Buffer.from(sealed)
      changed[at]! ^= bits
      const code = refusal(changed)
      if (!codes.includes(code)) wrong.push(`byte ${at} ^ ${bits}: ${code}`)
    }
  }
  t.same(wrong, [])
  t.equal(refusal(sealed), 'opened')
})

t.test('a record that is cut short or has more behind it is refused', async t => {
  const sealed = seal(key, CONTEXT, 'secret')
  const cut = Array.from(sealed, (_, length) => sealed.subarray(0, length))
  const longer = Array.from({ length: 256 }, (_, byte) => Buffer.concat([sealed, Buffer.of(byte)]))
  t.same([...cut, ...longer].filter(bytes => refusal(bytes) !== 'internal'), [])
  t.equal(refusal(Buffer.concat([sealed, sealed])), 'internal')
})

t.test('any bytes are refused', async t => {
  holds(t, fc.property(fc.uint8Array({ maxLength: 200 }), bytes => refusal(bytes) === 'internal'))
  holds(t, fc.property(fc.uint8Array({ maxLength: 200 }), bytes => refusal(Buffer.concat([seal(key, CONTEXT, '').subarray(0, 39), bytes])) === 'internal'))
})

t.test('a record opens as no other context\'s', async t => {
  holds(t, fc.property(contextId, contextId, (own, another) => {
    fc.pre(own !== another)
    return refusal(seal(key, own, 'secret'), another) === 'internal'
  }))
})

t.test('a record opens under no other key, in or out of its name', async t => {
  const sealed = seal(key, CONTEXT, 'secret')
  const renamed = Buffer.from(sealed)
  renamed.write(other.id, 1, 'latin1')
  t.equal(refusal(renamed), 'internal')
  t.equal(refusal(sealed, CONTEXT, ringOf(ringKey(key.id, randomBytes(32)))), 'internal')
  t.equal(refusal(renamed, CONTEXT, ringOf(ringKey(other.id, material))), 'internal', 'the same material under another id')
})

t.test('a key that the ring has not is the ring\'s to refuse', async t => {
  t.throws(() => open(ringOf(other), CONTEXT, seal(key, CONTEXT, 'secret')), { code: 'unavailable', message: /'key-1{26}'/ })
})

t.test('each context has a key of its own, made by HKDF-SHA-256 of the ring key and a leaf of its tree', async t => {
  const sealed = seal(key, CONTEXT, 'secret')
  const start = 1 + key.id.length + 8
  const secret = sealing.secretOf(leafOf(sealed)!)
  const info = Buffer.concat([Buffer.from('ectx sealed context 2 '), secret, Buffer.from(CONTEXT)])
  const contextKey = hkdfSync('sha256', material, '', info, 32)
  const decipher = createDecipheriv('aes-256-gcm', Buffer.from(contextKey), sealed.subarray(start, start + 12))
    .setAAD(Buffer.concat([sealed.subarray(0, start), Buffer.from(CONTEXT)]))
    .setAuthTag(sealed.subarray(-16))
  t.equal(Buffer.concat([decipher.update(sealed.subarray(start + 12, -16)), decipher.final()]).toString(), 'secret')
})

t.test('what the version before sealed, without a leaf, is opened', async t => {
  const header = Buffer.from(`\x01${key.id}`, 'latin1')
  const contextKey = Buffer.from(hkdfSync('sha256', material, '', `ectx sealed context 1 ${CONTEXT}`, 32))
  const sealed = Buffer.concat([header, encrypt(contextKey, Buffer.concat([header, Buffer.from(CONTEXT)]), 'secret')])
  t.equal(leafOf(sealed), undefined)
  t.equal(open(ring, CONTEXT, sealed).toString(), 'secret')
  t.equal(refusal(sealed, 'exec-another'), 'internal')
  const cut = Array.from(sealed, (_, length) => sealed.subarray(0, length))
  t.same(cut.filter(bytes => refusal(bytes) !== 'internal'), [])
  t.equal(refusal(Buffer.concat([Buffer.of(2), sealed.subarray(1)])), 'internal', 'it opens as no other version')
})

t.test('without the secret of its leaf nothing is opened', async t => {
  const sealed = seal(key, CONTEXT, 'secret')
  t.throws(() => openText(key, CONTEXT, sealed), { code: 'internal' })
  t.throws(() => openText(key, CONTEXT, sealed, sealing.secretOf('another')), { code: 'internal' })
  t.equal(openText(key, CONTEXT, sealed, sealing.secretOf(leafOf(sealed)!)).toString(), 'secret')
})
