import type { KeyRows } from '../../secrets/key-row.js'
import type { WrappedNode } from '../../secrets/tree-node.js'
import type { Side } from './side.js'

/**
 * Gives the target the trees of these keys, so that what is sealed with them can be opened there and shredded. What was shredded on
 * either side stays so, also where an earlier copy brought the target a tree that had it.
 */
export async function copyTrees (from: Side, to: Side, keys: KeyRows): Promise<void> {
  for (const { id } of keys.filter(({ state }) => state !== 'destroyed')) {
    const nodes = await from.readTree(id)
    if (nodes === undefined) continue
    const there = await to.readTree(id)
    if (there === undefined) await to.beginTree(id, nodes)
    else {
      const both = onBoth(nodes, there)
      await to.replaceNodes(id, without(there, both), without(both, there))
    }
  }
}

/** The nodes that lead to what both lead to. */
function onBoth (some: readonly WrappedNode[], others: readonly WrappedNode[]): WrappedNode[] {
  const paths = new Set(others.map(({ path }) => path))
  const ownPaths = new Set(some.map(({ path }) => path))
  return [
    ...some.filter(({ path }) => isBelow(path, paths) || paths.has(path)),
    ...others.filter(({ path }) => isBelow(path, ownPaths))
  ]
}

/** Those of `nodes` that are not among `others`, by their paths. */
function without (nodes: readonly WrappedNode[], others: readonly WrappedNode[]): WrappedNode[] {
  const paths = new Set(others.map(({ path }) => path))
  return nodes.filter(({ path }) => !paths.has(path))
}

const isBelow = (path: string, paths: ReadonlySet<string>): boolean =>
  Array.from({ length: path.length }, (_, digits) => path.slice(0, digits)).some(above => paths.has(above))
