import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import type { Supports } from '../../src/engines/engine.js'
import { ringKey } from '../../src/secrets/ring-key.js'
import { Trees } from '../../src/secrets/trees.js'
import type { TreeStore } from '../../src/secrets/tree-store.js'
import { TestClock } from '../support/clock.js'
import { newDataDir } from '../support/data-dir.js'

/** What an engine keeps trees in, under test. */
export interface TreeEngine {
  readonly name: string
  readonly supports: Supports
  open (directory: string): Promise<TreeStore>
}

let keys = 0
const newKey = () => ringKey(`key-${String(keys++).padStart(26, '0')}`, randomBytes(32))

/** Holds `engine` to every promise of the `TreeStore` contract, by the trees that work on it. */
export function testTrees (t: Test, { name, supports, open }: TreeEngine): void {
  async function newTree (t: Test) {
    const directory = newDataDir(t)
    const store = await open(directory)
    const clock = new TestClock()
    const key = newKey()
    return { key, store, clock, tree: new Trees(store, clock).of(key), again: async () => new Trees(await open(directory), clock).of(key) }
  }
  const secretOf = async (tree: Awaited<ReturnType<typeof newTree>>['tree'], leaf: string) => (await tree.secretOf(leaf))?.toString('hex')
  const newLeaves = async (tree: Awaited<ReturnType<typeof newTree>>['tree'], count: number) => {
    const made = []
    for (let n = 0; n < count; n++) made.push(await tree.newLeaf())
    return made.map(({ leaf, secret }) => ({ leaf, secret: secret.toString('hex') }))
  }

  t.test(`${name}: leaves are new, and their secrets stay`, async t => {
    const { tree, again } = await newTree(t)
    const made = await newLeaves(tree, 40)
    t.equal(new Set(made.map(({ leaf }) => leaf)).size, 40)
    for (const { leaf, secret } of made) t.equal(await secretOf(tree, leaf), secret)
    if (!supports.durable) return
    const reopened = await again()
    for (const { leaf, secret } of made) t.equal(await secretOf(reopened, leaf), secret)
    t.not((await newLeaves(reopened, 1))[0]!.leaf.slice(0, 8), made[0]!.leaf.slice(0, 8))
  })

  t.test(`${name}: what is shredded cannot be had, and all else can`, async t => {
    const { tree, again } = await newTree(t)
    const made = await newLeaves(tree, 40)
    const isDoomed = (_: unknown, index: number) => index % 7 === 0
    const doomed = made.filter(isDoomed).map(({ leaf }) => leaf)
    await Promise.all(doomed.map(leaf => tree.shred([leaf])))
    await tree.shred(doomed)
    for (const each of supports.durable ? [tree, await again()] : [tree]) {
      for (const [index, { leaf, secret }] of made.entries()) t.equal(await secretOf(each, leaf), isDoomed(0, index) ? undefined : secret)
      await newLeaves(each, 3)
    }
    await tree.shred(made.map(({ leaf }) => leaf))
    for (const { leaf } of made) t.equal(await secretOf(tree, leaf), undefined)
  })

  t.test(`${name}: a key has one tree, and none of another's`, async t => {
    const { tree, key, store } = await newTree(t)
    const [leaf] = await newLeaves(tree, 1)
    t.equal((await store.all(key.id))?.length, 1)
    await new Trees(store).of(key).begin()
    t.equal(await secretOf(new Trees(store).of(key), leaf!.leaf), leaf!.secret)
    t.equal(await store.all(newKey().id), undefined)
    await t.rejects(async () => new Trees(store).of(newKey()).secretOf(leaf!.leaf), { code: 'unavailable' })
    const impostor = ringKey(key.id, randomBytes(32))
    await t.rejects(async () => new Trees(store).of(impostor).secretOf(leaf!.leaf), { code: 'internal' })
  })

  t.test(`${name}: a node that is not there is replaced by nothing`, async t => {
    const { tree, key, store } = await newTree(t)
    const [leaf] = await newLeaves(tree, 1)
    const before = await store.all(key.id)
    t.equal(await store.replace(key.id, ['', 'a'], []), false)
    t.same(await store.all(key.id), before)
    t.equal(await secretOf(tree, leaf!.leaf), leaf!.secret)
  })

  t.test(`${name}: a tree that is destroyed is gone, and no other`, async t => {
    const { key, store } = await newTree(t)
    const [one, other] = [new Trees(store).of(key), new Trees(store).of(newKey())]
    const [[gone], [stays]] = [await newLeaves(one, 1), await newLeaves(other, 1)]
    await store.destroy([key.id, newKey().id])
    t.equal(await store.all(key.id), undefined)
    await t.rejects(async () => new Trees(store).of(key).secretOf(gone!.leaf), { code: 'unavailable' })
    t.equal(await secretOf(other, stays!.leaf), stays!.secret)
    await store.destroy([])
  })

  t.test(`${name}: what another process has shredded is forgotten within a minute`, async t => {
    const { tree, store, clock, again } = await newTree(t)
    if (!store.isShared) return
    const made = await newLeaves(tree, 3)
    const other = await again()
    t.equal(await secretOf(other, made[1]!.leaf), made[1]!.secret)
    await Promise.all([tree.shred([made[1]!.leaf]), other.shred([made[2]!.leaf])])
    clock.time += 60_000
    for (const each of [tree, other]) {
      t.same(await Promise.all(made.map(({ leaf }) => secretOf(each, leaf))), [made[0]!.secret, undefined, undefined])
    }
  })
}
