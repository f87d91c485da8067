import fc from 'fast-check'
import t from 'tap'
import { forwardedFor } from '../../src/server/forwarded.js'

const quoted = (text: string) => `"${text.replaceAll(/["\\]/g, '\\$&')}"`

t.test('every hop of a header that keeps to the grammar is found, whatever its other pairs hold', async t => {
  const token = fc.stringMatching(/^[\w.-]{1,8}$/).filter(name => name.toLowerCase() !== 'for')
  const text = fc.string({ unit: fc.constantFrom(...'a,;="\\ :[]') })
  const hop = fc.record({ node: text, others: fc.array(fc.tuple(token, text), { maxLength: 3 }) })
  fc.assert(fc.property(fc.array(hop, { minLength: 1, maxLength: 4 }), hops => {
    const header = hops.map(({ node, others }) => [...others.map(([name, value]) => `${name}=${quoted(value)}`), `for=${quoted(node)}`].join(';')).join(', ')
    t.same(forwardedFor(header), hops.map(({ node }) => node))
  }))
})

t.test('any text is read, and one that does not keep to the grammar has no hops', async t => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'for=,;"\\ :x'), maxLength: 40 }), header => Array.isArray(forwardedFor(header))))
  for (const header of ['for', 'for=1 2', 'for="1', 'for="1"2', '=1', 'for=1;x="', 'for=1,"']) t.same(forwardedFor(header), [], header)
  t.same(forwardedFor(`${' '.repeat(16_000)}x`), [])
})
