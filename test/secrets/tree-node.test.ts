import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { LEAF_DIGITS, ROOT, unwrapNode, wayTo, without, wrapNode, type TreeNode } from '../../src/secrets/tree-node.js'

const holds = (t: Test, property: fc.IRawProperty<any>) => t.doesNotThrow(() => fc.assert(property, { numRuns: 60 }))
const digits = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: LEAF_DIGITS, maxLength: LEAF_DIGITS })
// Some are neighbours, as those of one process are, and some are anywhere.
const leaf = fc.oneof(digits, fc.nat(600).map(n => `c0ffee00${n.toString(16).padStart(8, '0')}`))
const leaves = fc.uniqueArray(leaf, { minLength: 1, maxLength: 8 })
const rootOf = (): TreeNode => ({ path: ROOT, secret: randomBytes(32) })
const secretOf = (nodes: readonly TreeNode[], leaf: string) => {
  const above = nodes.filter(({ path }) => leaf.startsWith(path))
  return above.map(node => wayTo(leaf, node).at(-1)!.secret.toString('hex'))
}

t.test('a leaf has one secret, from whichever node above it, and no other leaf has it', async t => {
  holds(t, fc.property(leaf, leaf, (a, b) => {
    const way = wayTo(a, rootOf())
    const secrets = new Set(way.map(node => wayTo(a, node).at(-1)!.secret.toString('hex')))
    const same = wayTo(b, way[0]!).at(-1)!.secret.equals(way.at(-1)!.secret)
    return way.length === LEAF_DIGITS + 1 && secrets.size === 1 && same === (a === b)
  }))
})

t.test('what is shredded has no node above it any more, and all else has one, that leads to the secret of before', async t => {
  holds(t, fc.property(leaves, leaves, (shredded, others) => {
    const root = rootOf()
    // In one, or one after the other.
    const atOnce = without(shredded, root)
    const inTurn = shredded.reduce((nodes, leaf) => nodes.flatMap(node => without([leaf], node)), [root])
    const paths = (nodes: TreeNode[]) => nodes.map(({ path, secret }) => `${path} ${secret.toString('hex')}`).sort().join()
    if (paths(atOnce) !== paths(inTurn)) return false
    if (shredded.some(leaf => secretOf(atOnce, leaf).length > 0)) return false
    // No node that is left is, or has below it, one on the way to what is shredded.
    const ways = new Set(shredded.flatMap(leaf => wayTo(leaf, root).map(({ secret }) => secret.toString('hex'))))
    if (atOnce.some(({ secret }) => ways.has(secret.toString('hex')))) return false
    return others.filter(leaf => !shredded.includes(leaf)).every(leaf => {
      const secrets = secretOf(atOnce, leaf)
      return secrets.length === 1 && secrets[0] === secretOf([root], leaf)[0]
    })
  }))
})

t.test('neighbours that are all shredded leave no more nodes than one does', async t => {
  const one = without(['c0ffee0000000000'], rootOf())
  const all = without(Array.from({ length: 256 }, (_, n) => `c0ffee00${n.toString(16).padStart(8, '0')}`), rootOf())
  t.equal(one.length, 15 * LEAF_DIGITS)
  t.equal(all.length, 15 * (LEAF_DIGITS - 2))
})

t.test('a node is read with its own key, id and path alone', async t => {
  const [key, other] = [randomBytes(32), randomBytes(32)]
  const node = { path: 'c0', secret: randomBytes(32) }
  const wrapped = wrapNode(key, 'key-1', node)
  t.ok(unwrapNode(key, 'key-1', wrapped).secret.equals(node.secret))
  t.throws(() => unwrapNode(other, 'key-1', wrapped))
  t.throws(() => unwrapNode(key, 'key-2', wrapped))
  t.throws(() => unwrapNode(key, 'key-1', { ...wrapped, path: 'c1' }))
})
