import { LEAF_DIGITS, type WrappedNode } from '../../../secrets/tree-node.js'
import { readSlot, SLOT_BYTES, type Shredded } from './slots.js'

/** A node, and the number of its slot. */
export interface Placed extends WrappedNode {
  readonly slot: number
}

export interface Settled {
  readonly nodes: ReadonlyMap<string, Placed>
  readonly free: readonly number[]
  /** What a change left that came to no end: it is to be overwritten. */
  readonly leftOver: readonly number[]
  /** How many slots the file has, with the first. */
  readonly slots: number
  /** How many leaves no node leads to. */
  readonly shredded: bigint
  /** Whether these are all nodes that there should be. */
  readonly isWhole: boolean
}

/**
 * What a file holds. First the nodes of a change are written and then those of before overwritten. So where a node and others below it are
 * there, the change had not come so far, and those below go; where of the node only a part is there it had, and that part goes.
 */
export function settle (file: Buffer): Settled {
  const slots = Math.ceil(file.length / SLOT_BYTES)
  const found = Array.from({ length: slots }, (_, slot) => readSlot(file.subarray(slot * SLOT_BYTES, (slot + 1) * SLOT_BYTES)))
  const all = new Map<string, Placed>()
  const leftOver: number[] = []
  const free: number[] = []
  found.forEach((each, slot) => {
    if (slot === 0) return
    if (each.is === 'free') free.push(slot)
    if (each.is !== 'node') return
    if (all.has(each.node.path)) leftOver.push(slot)
    else all.set(each.node.path, { ...each.node, slot })
  })
  const nodes = new Map<string, Placed>()
  for (const node of all.values()) {
    if (isBelow(node.path, all)) leftOver.push(node.slot)
    else nodes.set(node.path, node)
  }
  let isWhole = true
  found.forEach((each, slot) => {
    if (slot === 0 || each.is === 'free' || each.is === 'node') return
    const path = each.is === 'damaged' ? each.path : undefined
    if (path !== undefined && (isBelow(path, nodes) || [...nodes.keys()].some(other => other.startsWith(path)))) leftOver.push(slot)
    else isWhole = false
  })
  const shredded = [...nodes.keys()].reduce((sum, path) => sum - leavesBelow(path), leavesBelow(''))
  return { nodes, free, leftOver, slots, shredded, isWhole: isWhole && isWithin(shredded, found[0]) }
}

/** How many leaves are below a path. */
export const leavesBelow = (path: string): bigint => 16n ** BigInt(LEAF_DIGITS - path.length)

function isBelow (path: string, nodes: ReadonlyMap<string, unknown>): boolean {
  for (let digits = 0; digits < path.length; digits++) if (nodes.has(path.slice(0, digits))) return true
  return false
}

const isWithin = (shredded: bigint, first: ReturnType<typeof readSlot> | undefined): boolean =>
  first?.is === 'count' && lies(shredded, first.shredded)

const lies = (count: bigint, { least, most }: Shredded): boolean => count >= least && count <= most
