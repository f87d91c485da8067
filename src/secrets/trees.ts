import { systemClock, type Clock } from '../clock.js'
import type { RingKey } from './ring-key.js'
import { Tree } from './tree.js'
import type { TreeStore } from './tree-store.js'

/** The trees of all ring keys: beside a ring key, the leaf of its tree is what seals a context, and can be shredded by itself. */
export class Trees {
  readonly #store: TreeStore
  readonly #clock: Clock
  readonly #trees = new Map<string, Tree>()

  constructor (store: TreeStore, clock: Clock = systemClock) {
    this.#store = store
    this.#clock = clock
  }

  of (key: RingKey): Tree {
    let tree = this.#trees.get(key.id)
    if (tree === undefined) {
      tree = new Tree(key, this.#store, this.#clock)
      this.#trees.set(key.id, tree)
    }
    return tree
  }

  /** As `TreeStore.destroy`; nothing of these keys is remembered either. */
  async destroy (keyIds: readonly string[]): Promise<void> {
    for (const keyId of keyIds) this.#trees.delete(keyId)
    await this.#store.destroy(keyIds)
  }
}
