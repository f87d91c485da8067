import { GatewayError } from '../../errors.js'
import { LEAF_DIGITS, type WrappedNode } from '../../secrets/tree-node.js'
import type { TreeStore } from '../../secrets/tree-store.js'

/** Keeps trees in the memory of this process. */
export class MemoryTrees implements TreeStore {
  readonly isShared = false
  readonly #trees = new Map<string, Map<string, WrappedNode>>()

  async begin (keyId: string, nodes: readonly WrappedNode[]): Promise<void> {
    if (!this.#trees.has(keyId)) this.#trees.set(keyId, new Map(nodes.map(node => [node.path, node])))
  }

  cover (keyId: string, leaf: string): WrappedNode | undefined {
    const tree = this.#tree(keyId)
    for (let digits = LEAF_DIGITS; digits >= 0; digits--) {
      const node = tree.get(leaf.slice(0, digits))
      if (node !== undefined) return node
    }
  }

  async replace (keyId: string, removed: readonly string[], added: readonly WrappedNode[]): Promise<boolean> {
    const tree = this.#tree(keyId)
    if (!removed.every(path => tree.has(path))) return false
    for (const path of removed) tree.delete(path)
    for (const node of added) tree.set(node.path, node)
    return true
  }

  async all (keyId: string): Promise<readonly WrappedNode[] | undefined> {
    const tree = this.#trees.get(keyId)
    return tree && [...tree.values()]
  }

  async destroy (keyIds: readonly string[]): Promise<void> {
    for (const keyId of keyIds) this.#trees.delete(keyId)
  }

  #tree (keyId: string): Map<string, WrappedNode> {
    const tree = this.#trees.get(keyId)
    if (tree === undefined) throw new GatewayError('unavailable', `the key '${keyId}' has no tree: it went with the process that had it`)
    return tree
  }
}
