import { hash } from 'node:crypto'
import { decrypt, encrypt } from './aead.js'

// A tree of Goldreich, Goldwasser and Micali: of each node's secret come those of its sixteen children, and never the other way. Its
// leaves are all numbers of sixteen hexadecimal digits, so a path is the digits that all leaves below a node begin with.

/** A node of a tree, and with it all leaves below. */
export interface TreeNode {
  readonly path: string
  readonly secret: Buffer
}

/** A node as only its ring key can read it. */
export interface WrappedNode {
  readonly path: string
  readonly box: Uint8Array
}

export const ROOT = ''
export const LEAF_DIGITS = 16
export const SECRET_BYTES = 32
const DIGITS = [...'0123456789abcdef']

// With what makes a child it is one block of SHA-256, and always as long.
const LABEL = Buffer.from('ectx tree child 1')
const digested = Buffer.concat([LABEL, Buffer.alloc(SECRET_BYTES + 1)])

/** The node that one more digit leads to. */
function childOf ({ path, secret }: TreeNode, digit: string): TreeNode {
  digested.set(secret, LABEL.length)
  digested.write(digit, LABEL.length + SECRET_BYTES, 'latin1')
  // As text it is made in less time than as bytes.
  return { path: path + digit, secret: Buffer.from(hash('sha256', digested, 'hex'), 'hex') }
}

/** The nodes on the way from `node` to `leaf`, which is below it. The last one is the leaf. */
export function wayTo (leaf: string, node: TreeNode): TreeNode[] {
  const way = [node]
  for (let last = node; last.path.length < LEAF_DIGITS;) {
    last = childOf(last, leaf[last.path.length]!)
    way.push(last)
  }
  return way
}

/** The fewest nodes that lead to all leaves below `node` but `leaves`, which cannot be had from them. */
export function without (leaves: readonly string[], node: TreeNode): TreeNode[] {
  const below = leaves.filter(leaf => leaf.startsWith(node.path))
  if (below.length === 0) return [node]
  if (node.path.length === LEAF_DIGITS) return []
  return DIGITS.flatMap(digit => without(below, childOf(node, digit)))
}

/** `key` is one for nothing but nodes. */
export const wrapNode = (key: Uint8Array, keyId: string, { path, secret }: TreeNode): WrappedNode =>
  ({ path, box: encrypt(key, boundTo(keyId, path), secret) })

/** @throws where `node` was not made by `wrapNode` with the same key and id */
export const unwrapNode = (key: Uint8Array, keyId: string, { path, box }: WrappedNode): TreeNode =>
  ({ path, secret: decrypt(key, boundTo(keyId, path), box) })

const boundTo = (keyId: string, path: string) => Buffer.from(`ectx tree node 1 ${keyId} ${path}`)
