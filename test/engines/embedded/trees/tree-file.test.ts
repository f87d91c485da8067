import { randomBytes } from 'node:crypto'
import { open, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { TreeFile } from '../../../../src/engines/embedded/trees/tree-file.js'
import { SLOT_BYTES } from '../../../../src/engines/embedded/trees/slots.js'
import { ROOT, unwrapNode, wayTo, without, wrapNode, type TreeNode } from '../../../../src/secrets/tree-node.js'
import { newDataDir } from '../../../support/data-dir.js'

const KEY = randomBytes(32)
const ID = 'key-1'
const root: TreeNode = { path: ROOT, secret: randomBytes(32) }
const leafOf = (n: number) => `c0ffee00${n.toString(16).padStart(8, '0')}`
const LEAVES = Array.from({ length: 40 }, (_, n) => leafOf(n))
const SECRETS = LEAVES.map(leaf => wayTo(leaf, root).at(-1)!.secret.toString('hex'))

async function newTree (t: Test, shredded: readonly string[] = []) {
  const path = join(newDataDir(t), 'one.tree')
  const file = await TreeFile.create(path, [wrapNode(KEY, ID, root)])
  for (const leaf of shredded) await shred(file, [leaf])
  return { path, file }
}

async function shred (file: TreeFile, leaves: readonly string[]): Promise<void> {
  const covers = new Map(leaves.flatMap(leaf => {
    const cover = file.cover(leaf)
    return cover === undefined ? [] : [[cover.path, cover]]
  }))
  const added = [...covers.values()].flatMap(cover => without(leaves, unwrapNode(KEY, ID, cover))).map(node => wrapNode(KEY, ID, node))
  t.equal(await file.replace([...covers.keys()], added), true)
}

/** The secret of each leaf; `undefined` where it cannot be had. */
const secretsIn = (file: TreeFile) => LEAVES.map(leaf => {
  const cover = file.cover(leaf)
  return cover && wayTo(leaf, unwrapNode(KEY, ID, cover)).at(-1)!.secret.toString('hex')
})
const but = (leaves: readonly string[]) => SECRETS.map((secret, n) => leaves.includes(LEAVES[n]!) ? undefined : secret)

/** Every node of `file`'s bytes that can be read, whether it counts or not: what somebody finds who has the key. */
function readableIn (bytes: Buffer): TreeNode[] {
  const found: TreeNode[] = []
  for (let at = SLOT_BYTES; at + SLOT_BYTES <= bytes.length; at += SLOT_BYTES) {
    for (let digits = 0; digits <= 16; digits++) {
      const path = bytes.toString('hex', at + 2, at + 10).slice(0, digits)
      try {
        found.push(unwrapNode(KEY, ID, { path, box: bytes.subarray(at + 11, at + 71) }))
      } catch {}
    }
  }
  return found
}

interface FileHandle { write (...args: any[]): Promise<{ bytesWritten: number }>, sync (): Promise<void> }
const prototype: FileHandle = await open('package.json').then(async handle => {
  await handle.close()
  return Object.getPrototypeOf(handle)
})
const { write, sync } = prototype

/** Puts `changes` in the place of what file handles do, while `work` is done. */
async function patched (changes: Partial<FileHandle>, work: () => Promise<unknown>): Promise<void> {
  Object.assign(prototype, changes)
  try {
    await work()
  } finally {
    Object.assign(prototype, { write, sync })
  }
}

t.test('what is shredded is overwritten in the file, whose slots are used again', async t => {
  const { path, file } = await newTree(t)
  await shred(file, LEAVES.slice(0, 3))
  t.same(secretsIn(file), but(LEAVES.slice(0, 3)))
  const { length } = await readFile(path)
  for (const leaf of LEAVES.slice(3)) await shred(file, [leaf])
  t.ok((await readFile(path)).length <= length + 20 * SLOT_BYTES)
  const found = readableIn(await readFile(path))
  t.ok(found.length > 200)
  t.same(found.filter(({ path }) => LEAVES.some(leaf => leaf.startsWith(path))), [])
})

t.test('whenever a loss of power comes, whatever of the last writes is there by then, all else can be opened', async t => {
  const { path, file } = await newTree(t, [LEAVES[9]!])
  const doomed = [LEAVES[3]!, LEAVES[30]!, 'feedfacefeedface']
  const before = await readFile(path)
  const done: Array<{ at: number, bytes: Buffer } | 'synced'> = []
  await patched({
    async write (this: FileHandle, bytes: Buffer, offset: number, length: number, position: number) {
      const written = Buffer.from(bytes.subarray(offset, offset + length))
      for (let at = 0; at < length; at += SLOT_BYTES) done.push({ at: position + at, bytes: written.subarray(at, at + SLOT_BYTES) })
      return write.call(this, bytes, offset, length, position)
    },
    async sync (this: FileHandle) {
      await sync.call(this)
      done.push('synced')
    }
  }, () => shred(file, doomed))
  t.equal(done.filter(each => each === 'synced').length, 2)
  t.equal(done.at(-1), 'synced')

  const lost = join(newDataDir(t), 'lost.tree')
  await fc.assert(fc.asyncProperty(fc.nat(done.length), fc.infiniteStream(fc.boolean()), async (until, coins) => {
    const synced = done.slice(0, until).lastIndexOf('synced')
    const image = Buffer.alloc(before.length + done.length * SLOT_BYTES)
    before.copy(image)
    let end = before.length
    done.slice(0, until).forEach((each, index) => {
      if (each === 'synced' || (index > synced && !coins.next().value)) return
      each.bytes.copy(image, each.at)
      end = Math.max(end, each.at + SLOT_BYTES)
    })
    await writeFile(lost, image.subarray(0, end))
    const found = (await TreeFile.open(lost))!
    t.ok(found.isWhole)
    const expected = [but([LEAVES[9]!]), but([LEAVES[9]!, LEAVES[3]!, LEAVES[30]!])]
    t.same(secretsIn(found).map((secret, n) => secret === expected[0]![n] || secret === expected[1]![n]), LEAVES.map(() => true))
    if (until === done.length) t.same(secretsIn(found), expected[1])
    // Whatever was left there: what is shredded again is gone for good.
    await shred(found, doomed.filter(leaf => found.cover(leaf) !== undefined))
    t.same(secretsIn(found), expected[1])
    t.same(readableIn(await readFile(lost)).filter(({ path }) => doomed.some(leaf => leaf.startsWith(path))), [])
  }), { numRuns: 120, seed: 8 })
})

const EIO = Object.assign(new Error('the disk fails'), { code: 'EIO' })

t.test('where a call fails, what is asked again is done, and nothing else is lost', async t => {
  let calls = 0
  const failing = (nth: number, isDone: boolean): Partial<FileHandle> => {
    const counted = async <R>(call: () => Promise<R>): Promise<R> => {
      const fails = ++calls === nth
      if (fails && !isDone) throw EIO
      const result = await call()
      if (fails) throw EIO
      return result
    }
    return {
      write (this: FileHandle, ...args: any[]) {
        return counted(() => write.apply(this, args))
      },
      sync (this: FileHandle) {
        return counted(() => sync.call(this))
      }
    }
  }
  await patched(failing(0, false), async () => {
    const { file } = await newTree(t, [LEAVES[9]!])
    calls = 0
    await shred(file, [LEAVES[3]!])
  })
  const count = calls
  t.ok(count >= 4)
  for (let nth = 1; nth <= count; nth++) {
    for (const isDone of [false, true]) {
      const { path, file } = await newTree(t, [LEAVES[9]!])
      calls = 0
      await patched(failing(nth, isDone), () => t.rejects(shred(file, [LEAVES[3]!]), { code: 'EIO' }))
      t.same(secretsIn(file), but([LEAVES[9]!]), 'until then it is as before')
      // Settled before anything else is done: so the cover may be another.
      const replaced = await file.replace(['no such path'], [])
      t.equal(replaced, false)
      await shred(file, [LEAVES[3]!, LEAVES[4]!])
      for (const each of [file, (await TreeFile.open(path))!]) {
        t.ok(each.isWhole)
        t.same(secretsIn(each), but([LEAVES[9]!, LEAVES[3]!, LEAVES[4]!]))
      }
      t.same(readableIn(await readFile(path)).filter(({ path }) => LEAVES[3]!.startsWith(path)), [])
    }
  }
})

t.test('a file that is damaged or cut says so, and what it still has can be opened', async t => {
  const { path, file } = await newTree(t, [LEAVES[9]!])
  const bytes = await readFile(path)
  const slots = bytes.length / SLOT_BYTES
  t.equal(slots, 242, 'the count, the root\'s slot, and fifteen nodes for each digit')
  for (let slot = 0; slot < slots; slot += 7) {
    for (const at of [0, 1, 5, 20, 127]) {
      const damaged = Buffer.from(bytes)
      damaged[slot * SLOT_BYTES + at]! ^= 1
      await writeFile(path, damaged)
      const found = (await TreeFile.open(path))!
      const wrong = secretsIn(found).filter((secret, n) => secret !== undefined && secret !== SECRETS[n])
      t.same(wrong, [])
      if (!damaged.subarray(slot * SLOT_BYTES).subarray(0, SLOT_BYTES).every(byte => byte === 0)) t.equal(found.isWhole, false, `${slot} ${at}`)
    }
  }
  for (const length of [bytes.length - SLOT_BYTES, bytes.length - 5, SLOT_BYTES, 0]) {
    await writeFile(path, bytes)
    await truncate(path, length)
    t.equal((await TreeFile.open(path))!.isWhole, false)
  }
  await writeFile(path, bytes)
  t.same(secretsIn((await TreeFile.open(path))!), secretsIn(file))
})

t.test('a file that was put in the place of another is read before it is changed', async t => {
  const { path, file } = await newTree(t)
  const { file: other, path: otherPath } = await newTree(t, [LEAVES[1]!])
  t.ok(other.isWhole)
  await writeFile(path, await readFile(otherPath))
  t.equal(await file.replace([ROOT], []), false)
  t.same(secretsIn(file), but([LEAVES[1]!]))
})
