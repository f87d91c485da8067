import type { SealedDatabase } from '../../../../src/engines/embedded/trees/tree-files.js'

/** A database that nothing is sealed in, unless `inUse` is filled. */
export function unsealed (inUse = new Set<string>()): SealedDatabase {
  let hasTrees = false
  return { keysOfRecords: async () => inUse, hasTrees: async () => hasTrees, noteTrees: async () => { hasTrees = true } }
}
