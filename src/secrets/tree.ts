import { randomBytes } from 'node:crypto'
import { andThen, type Awaitable } from '../awaitable.js'
import type { Clock } from '../clock.js'
import { GatewayError } from '../errors.js'
import { derive, type RingKey } from './ring-key.js'
import { LEAF_DIGITS, ROOT, SECRET_BYTES, unwrapNode, wayTo, without, wrapNode, type TreeNode, type WrappedNode } from './tree-node.js'
import type { TreeStore } from './tree-store.js'

// A process's own half of a leaf, and then a count.
const OWN_BYTES = 4
const COUNT_DIGITS = 8
const MOST_COUNTED = 16 ** COUNT_DIGITS
/** Of the way to a leaf the nodes with so many digits are remembered, so that the next leaf beside it takes one hash. */
const REMEMBERED_DIGITS = [15, 14, 12, COUNT_DIGITS]
const MOST_REMEMBERED = 4_096
// How long it may go unseen that a tree is gone.
const LOOK_MS = 1_000
// How long a node is remembered that another process may have destroyed.
const REMEMBERED_MS = 60_000

/** The tree of one ring key. */
export class Tree {
  readonly #key: RingKey
  readonly #nodeKey: Buffer
  readonly #store: TreeStore
  readonly #clock: Clock
  #begunAt = -Infinity
  #beginning: Promise<void> | undefined
  #own = ''
  #counted = MOST_COUNTED
  readonly #remembered = new Map<string, TreeNode>()
  #rememberedSince: number
  /** How often something was forgotten. */
  #forgotten = 0
  #doomed: { readonly leaves: Set<string>, readonly done: Promise<void> } | undefined
  #shredding = Promise.resolve()

  constructor (key: RingKey, store: TreeStore, clock: Clock) {
    this.#key = key
    this.#nodeKey = derive(key, 'ectx tree nodes 1')
    this.#store = store
    this.#clock = clock
    this.#rememberedSince = clock.monotonic()
  }

  /** Sees to it that there is one: at once, but for the first time, and now and then. @throws as `TreeStore.begin` */
  begin (): Awaitable<void> {
    const now = this.#clock.monotonic()
    if (now - this.#begunAt < (this.#store.isShared ? REMEMBERED_MS : LOOK_MS)) return
    const root = this.#wrapped({ path: ROOT, secret: randomBytes(SECRET_BYTES) })
    this.#beginning ??= this.#store.begin(this.#key.id, [root])
      .then(() => { this.#begunAt = now })
      .finally(() => { this.#beginning = undefined })
    return this.#beginning
  }

  /** A leaf that nothing else has. @throws as `begin` */
  newLeaf (): Awaitable<{ leaf: string, secret: Buffer }> {
    if (this.#counted === MOST_COUNTED) {
      this.#own = randomBytes(OWN_BYTES).toString('hex')
      this.#counted = 0
    }
    const leaf = this.#own + (this.#counted++).toString(16).padStart(COUNT_DIGITS, '0')
    return andThen(this.begin(), () => andThen(this.secretOf(leaf), secret => {
      if (secret === undefined) throw new GatewayError('internal', 'a leaf that is new was shredded before')
      return { leaf, secret }
    }))
  }

  /** The secret of a leaf; `undefined` where it is shredded. @throws `unavailable`, or `internal` where what leads to it is damaged */
  secretOf (leaf: string): Awaitable<Buffer | undefined> {
    const near = this.#nearest(leaf)
    if (near !== undefined) return this.#follow(leaf, near)
    const forgotten = this.#forgotten
    return andThen(this.#store.cover(this.#key.id, leaf), cover => {
      if (cover === undefined) return undefined
      const node = this.#unwrapped(cover)
      // Where something was shredded meanwhile, this may be above it.
      return forgotten === this.#forgotten ? this.#follow(leaf, node) : wayTo(leaf, node).at(-1)!.secret
    })
  }

  /** Has the secrets of these leaves never be had again; durable when it resolves. What is asked for meanwhile is done in one. */
  shred (leaves: readonly string[]): Promise<void> {
    this.#doomed ??= {
      leaves: new Set(),
      done: this.#shredding.catch(() => {}).then(() => {
        const { leaves } = this.#doomed!
        this.#doomed = undefined
        return this.#shredNow([...leaves])
      })
    }
    for (const leaf of leaves) this.#doomed.leaves.add(leaf)
    this.#shredding = this.#doomed.done
    return this.#doomed.done
  }

  async #shredNow (leaves: readonly string[]): Promise<void> {
    try {
      for (;;) {
        const covers = new Map<string, WrappedNode>()
        for (const leaf of leaves) {
          const cover = await this.#store.cover(this.#key.id, leaf)
          if (cover !== undefined) covers.set(cover.path, cover)
        }
        if (covers.size === 0) return
        const added = [...covers.values()].flatMap(cover => without(leaves, this.#unwrapped(cover)))
        if (await this.#store.replace(this.#key.id, [...covers.keys()], added.map(node => this.#wrapped(node)))) return
      }
    } finally {
      this.#forgotten++
      for (const leaf of leaves) for (const digits of REMEMBERED_DIGITS) this.#remembered.delete(leaf.slice(0, digits))
    }
  }

  #nearest (leaf: string): TreeNode | undefined {
    if (this.#store.isShared && this.#clock.monotonic() - this.#rememberedSince >= REMEMBERED_MS) this.#forget()
    for (const digits of REMEMBERED_DIGITS) {
      const node = this.#remembered.get(leaf.slice(0, digits))
      if (node !== undefined) return node
    }
  }

  #follow (leaf: string, from: TreeNode): Buffer {
    const way = wayTo(leaf, from)
    if (from.path.length < LEAF_DIGITS - 1) {
      if (this.#remembered.size > MOST_REMEMBERED) this.#forget()
      for (const node of way) if (REMEMBERED_DIGITS.includes(node.path.length)) this.#remembered.set(node.path, node)
    }
    return way.at(-1)!.secret
  }

  #forget (): void {
    this.#forgotten++
    this.#remembered.clear()
    this.#rememberedSince = this.#clock.monotonic()
  }

  #wrapped (node: TreeNode): WrappedNode {
    return wrapNode(this.#nodeKey, this.#key.id, node)
  }

  #unwrapped (node: WrappedNode): TreeNode {
    try {
      return unwrapNode(this.#nodeKey, this.#key.id, node)
    } catch (cause) {
      throw new GatewayError('internal', `a node in the tree of '${this.#key.id}' is damaged`, { cause })
    }
  }
}
