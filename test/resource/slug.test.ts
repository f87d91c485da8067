import fc from 'fast-check'
import t from 'tap'
import { slugFromName, slugOf } from '../../src/resource/slug.js'

// The same inputs each time; another seed looks elsewhere.
fc.configureGlobal({ seed: 20 })

const VALID = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/

t.test('a name gives its slug', async t => {
  for (const [name, slug] of [
    ['My   Cool   Agent', 'my-cool-agent'],
    ['A_b.c', 'abc'],
    ['---x---', 'x'],
    ['Agent 你好', 'agent'],
    ['!!!', ''],
    ['', ''],
    [' - - ', ''],
    ['a - b', 'a-b'],
    ['a\tb\nc', 'abc'],
    ['2nd Run', '2nd-run'],
    ['Éclair', 'clair'],
    ['İstanbul', 'istanbul'],
    ['300 \u212a', '300-k']
  ] as const) t.equal(slugFromName(name), slug, name)
})

t.test('whatever the name, its slug', async t => {
  const char = fc.oneof(fc.constantFrom(...' -_aZ9İ\u212aſßﬁ\u0130\u0000\ud800'), fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }))
  const anyName = fc.array(char, { maxLength: 400 }).map(chars => chars.join(''))

  t.test('is valid or empty', async () => {
    fc.assert(fc.property(anyName, name => slugFromName(name) === '' || VALID.test(slugFromName(name))))
  })

  t.test('is its own slug', async () => {
    fc.assert(fc.property(anyName, name => slugFromName(slugFromName(name)) === slugFromName(name)))
  })

  t.test('is no longer than the name', async () => {
    fc.assert(fc.property(anyName, name => slugFromName(name).length <= [...name].length))
  })

  t.test('is one that may be given, or refused for its length or emptiness', async () => {
    fc.assert(fc.property(anyName, name => {
      const made = slugFromName(name)
      const { slug } = slugOf({ name })
      return slug === (made.length === 0 || made.length > 253 ? undefined : made)
    }))
  })
})

t.test('a slug that is given', async t => {
  t.test('is kept as it is where it is valid, whatever the name', async t => {
    for (const slug of ['a', '9', 'a-b', 'a--b', 'x'.repeat(253)]) {
      t.same(slugOf({ slug, name: '!!!' }), { slug })
      t.same(slugOf({ slug }), { slug })
    }
  })

  t.test('is refused where it is not, never mended', async t => {
    for (const slug of ['A', '-a', 'a-', '-', 'a b', 'a_b', 'a\n', 'é', 'x'.repeat(254)]) {
      t.equal(slugOf({ slug, name: 'fine' }).violation?.pointer, '/metadata/slug', slug)
    }
  })

  t.test('and is empty is none', async t => {
    t.same(slugOf({ slug: '', name: 'My Run' }), { slug: 'my-run' })
  })
})

t.test('a name that gives no slug is refused, never truncated', async t => {
  t.same(slugOf({ name: 'x'.repeat(253) }), { slug: 'x'.repeat(253) })
  for (const name of ['', '!!!', '你好', 'x'.repeat(254), `${'x'.repeat(200)} ${'y'.repeat(60)}`]) {
    t.equal(slugOf({ name }).violation?.pointer, '/metadata/name', name)
  }
  t.equal(slugOf({}).violation?.pointer, '/metadata/name')
})
