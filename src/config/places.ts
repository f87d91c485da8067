import { join } from 'node:path'

export const DEFAULT_DATA_DIR = './data'

/** Where a gateway's files lie. */
export interface Places {
  readonly database: string
  readonly audit: string
  /** Where the audit log ended, signed. */
  readonly heads: string
  readonly keyRing: string
  /** What a context is sealed with beside a key of the ring. */
  readonly trees: string
  /** Up to where events were delivered. */
  readonly deliveries: string
  /** Room for when the disk is full. */
  readonly reserve: string
  /** What a backup brings back, until all of it is there. */
  readonly restoring: string
}

/** The places in `dataDir`; the key ring may be elsewhere. What is empty or absent is as by default. */
export function placesIn (dataDir: string | undefined, keyRing?: string): Places {
  const directory = dataDir || DEFAULT_DATA_DIR
  return {
    database: join(directory, 'db'),
    audit: join(directory, 'audit'),
    heads: join(directory, 'audit-heads.jws'),
    keyRing: keyRing || join(directory, 'keyring.json'),
    trees: join(directory, 'shred'),
    deliveries: join(directory, 'deliveries.json'),
    reserve: join(directory, 'reserve'),
    restoring: join(directory, 'restoring')
  }
}
