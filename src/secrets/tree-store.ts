import type { Awaitable } from '../awaitable.js'
import type { WrappedNode } from './tree-node.js'

/**
 * Where an engine keeps the trees of ring keys: apart from keys and records, so that a copy of those is of no use without them.
 * `test/secrets/conformance-trees.ts` checks what it promises. Of a tree it keeps the nodes that lead to what is not shredded, none
 * of them below another. Methods reject with `unavailable` where it cannot be used, and `internal` where a tree is damaged.
 */
export interface TreeStore {
  /** Whether other processes change the trees, too. */
  readonly isShared: boolean
  /**
   * Durably makes the tree of a key, unless it has one.
   * @throws `unavailable` where it had one, and something is sealed with it: nothing is made in its place
   */
  begin (keyId: string, nodes: readonly WrappedNode[]): Promise<void>
  /** The node that leads to `leaf`; `undefined` where that is shredded. @throws `unavailable` where the key has no tree */
  cover (keyId: string, leaf: string): Awaitable<WrappedNode | undefined>
  /**
   * Puts `added` in the place of the nodes at the paths `removed`, which are destroyed where they are kept, in place. Whatever happens,
   * what leads to a leaf that is not to be shredded is there before or after. When it resolves all of that is durable.
   * Answers false, and changes nothing, where one of `removed` is not there.
   */
  replace (keyId: string, removed: readonly string[], added: readonly WrappedNode[]): Promise<boolean>
  /** All nodes of a key's tree; `undefined` where it has none. */
  all (keyId: string): Promise<readonly WrappedNode[] | undefined>
  /** Destroys the trees of these keys, where there are any. */
  destroy (keyIds: readonly string[]): Promise<void>
}
