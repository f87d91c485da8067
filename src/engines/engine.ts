import type { Clock } from '../clock.js'
import type { AuditLog } from '../audit/audit-log.js'
import type { Sink } from '../audit/sink.js'
import type { Tell } from '../audit/unproved.js'
import type { Config } from '../config/config.js'
import type { RingStore } from '../secrets/ring-store.js'
import type { Deliveries } from '../storage/deliveries.js'
import type { Feed } from '../storage/feed.js'
import type { Integrity } from '../storage/integrity.js'
import type { TreeStore } from '../secrets/tree-store.js'
import type { Store } from '../storage/store.js'

/** What an engine can do; the conformance suites pick their tests by it. */
export interface Supports {
  /** Whether what was acknowledged survives `kill -9` and loss of power. */
  readonly durable: boolean
  /** Whether several processes can use one key ring at the same time. */
  readonly sharedKeys: boolean
}

/** All that the gateway keeps, in one place and of one kind: records, what happened to them, audit events, keys and their trees. */
export interface Engine {
  readonly supports: Supports
  readonly store: Store
  /** What was committed to the store, for whoever follows it. */
  readonly feed: Feed
  /** Up to where what the feed tells was delivered. */
  readonly deliveries: Deliveries
  readonly audit: AuditLog
  readonly keys: RingStore
  /** Absent where the engine looks after that itself, or holds nothing that lasts. */
  readonly integrity?: Integrity | undefined
  readonly trees: TreeStore
  /** Finishes what was accepted and closes all. */
  close (): Promise<void>
}

/** What of the configuration is for engines. */
export type EngineConfig = Pick<
  Config, 'store' | 'databaseUrl' | 'gatewayName' | 'dataDir' | 'keyRing' | 'auditDays' | 'auditMaxBytes' | 'auditBacklog'
>

/**
 * Opens an engine that lives by `clock`. It tells `warn` what an operator should know, then and later, and `sink`, where there is one,
 * each event that the audit log has.
 * @throws GatewayError that says what to do; then nothing is left open
 */
export type OpenEngine = (config: EngineConfig, clock: Clock, warn: Tell, sink?: Sink) => Promise<Engine>
