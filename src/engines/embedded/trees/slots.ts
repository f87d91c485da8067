import { hash } from 'node:crypto'
import { LEAF_DIGITS, type WrappedNode } from '../../../secrets/tree-node.js'

// A file of a tree is slots, of which none lies in two sectors of a disk. The first says how many leaves are shredded; each other has
// a node, or nothing but zeros. Behind what is in a slot stands a checksum of it.

export const SLOT_BYTES = 128
const SUM_BYTES = 8
const SUM_AT = SLOT_BYTES - SUM_BYTES
const AT = { type: 0, digits: 1, path: 2, boxBytes: 10, box: 11, least: 8, most: 16 }
const COUNT = 1
const NODE = 2

/** How many leaves are shredded: more while a change is being made, or `least` still. */
export interface Shredded {
  readonly least: bigint
  readonly most: bigint
}

export type Slot =
  | { readonly is: 'free' }
  | { readonly is: 'count', readonly shredded: Shredded }
  | { readonly is: 'node', readonly node: WrappedNode }
  /** With the path of the node that it may have been. */
  | { readonly is: 'damaged', readonly path: string | undefined }

export const NOTHING = Buffer.alloc(SLOT_BYTES)

export function countSlot ({ least, most }: Shredded): Buffer {
  const slot = Buffer.alloc(SLOT_BYTES)
  slot[AT.type] = COUNT
  slot.writeBigUInt64LE(least, AT.least)
  slot.writeBigUInt64LE(most, AT.most)
  return summed(slot)
}

export function nodeSlot ({ path, box }: WrappedNode): Buffer {
  const slot = Buffer.alloc(SLOT_BYTES)
  slot[AT.type] = NODE
  slot[AT.digits] = path.length
  slot.write(path.padEnd(LEAF_DIGITS, '0'), AT.path, 'hex')
  slot[AT.boxBytes] = box.length
  slot.set(box, AT.box)
  return summed(slot)
}

/** What is in the slot, which may be cut off by the end of the file. */
export function readSlot (slot: Buffer): Slot {
  if (slot.every(byte => byte === 0)) return { is: 'free' }
  const digits = slot[AT.digits] ?? 0
  const path = slot[AT.type] === NODE && digits <= LEAF_DIGITS && slot.length >= AT.boxBytes
    ? slot.toString('hex', AT.path, AT.boxBytes).slice(0, digits)
    : undefined
  if (slot.length < SLOT_BYTES || !sumOf(slot).equals(slot.subarray(SUM_AT))) return { is: 'damaged', path }
  if (path !== undefined) return { is: 'node', node: { path, box: slot.subarray(AT.box, AT.box + slot[AT.boxBytes]!) } }
  return { is: 'count', shredded: { least: slot.readBigUInt64LE(AT.least), most: slot.readBigUInt64LE(AT.most) } }
}

function summed (slot: Buffer): Buffer {
  slot.set(sumOf(slot), SUM_AT)
  return slot
}

const sumOf = (slot: Buffer): Buffer => Buffer.from(hash('sha256', slot.subarray(0, SUM_AT), 'hex'), 'hex').subarray(0, SUM_BYTES)
