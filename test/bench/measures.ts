import type { GatewayLoads } from './loads.js'

/** Something that two commits are compared by. */
export interface Measure {
  readonly name: string
  readonly operation: Exclude<keyof GatewayLoads, 'prepare'>
  readonly connections: 'many' | 'one'
  /** Microseconds of the server's processor time for a request, or milliseconds from a request to its answer in the median. */
  readonly of: 'cpu' | 'p50'
  /** Requests before the first that counts: until then the compiler is at work, which takes seconds. */
  readonly warm: number
  /** Requests of a round. */
  readonly count: number
}

/** A NEW OPERATION: its load in `GatewayLoads`, and a line here. A commit that does not know it is not compared by it. */
export const MEASURES: readonly Measure[] = [
  { name: 'create', operation: 'create', connections: 'many', of: 'cpu', warm: 8000, count: 2000 },
  { name: 'get', operation: 'get', connections: 'many', of: 'cpu', warm: 6000, count: 3000 },
  { name: 'getByReference', operation: 'getByReference', connections: 'many', of: 'cpu', warm: 4000, count: 3000 },
  { name: 'reveal', operation: 'reveal', connections: 'many', of: 'cpu', warm: 4000, count: 3000 },
  { name: 'apply', operation: 'apply', connections: 'many', of: 'cpu', warm: 4000, count: 2000 },
  { name: 'heartbeat', operation: 'heartbeat', connections: 'many', of: 'cpu', warm: 4000, count: 3000 },
  { name: 'list', operation: 'list', connections: 'many', of: 'cpu', warm: 1000, count: 500 },
  { name: 'replay', operation: 'replay', connections: 'many', of: 'cpu', warm: 3000, count: 2000 },
  { name: 'env', operation: 'env', connections: 'many', of: 'cpu', warm: 4000, count: 3000 },
  { name: 'createAlone', operation: 'create', connections: 'one', of: 'p50', warm: 100, count: 200 },
  { name: 'delete', operation: 'delete', connections: 'many', of: 'cpu', warm: 3000, count: 2000 }
]
