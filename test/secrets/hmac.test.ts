import { createHmac } from 'node:crypto'
import t from 'tap'
import fc from 'fast-check'
import { hmacUnder } from '../../src/secrets/hmac.js'

t.test('is the HMAC that node:crypto makes of the same key and text, in whatever parts it comes', async t => {
  const bytes = fc.uint8Array({ maxLength: 300 })
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), fc.array(bytes, { maxLength: 4 }), (key, parts) => {
    const hmac = createHmac('sha256', key)
    for (const part of parts) hmac.update(part)
    return hmacUnder(key)(...parts).equals(hmac.digest())
  }))
})

t.test('is right for the first test case of RFC 4231, and refuses a key that would be hashed', async t => {
  const code = hmacUnder(Buffer.alloc(20, 0x0b))(Buffer.from('Hi There'))
  t.equal(code.toString('hex'), 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7')
  t.throws(() => hmacUnder(Buffer.alloc(65)), RangeError)
})
