import type { AuditEvent, Entry } from './event.js'

/** An event that a store committed. */
export interface Committed extends Entry {
  readonly commit: number
}

/**
 * What a store keeps of the audit events that it committed with its changes, until the journal has them: a transactional
 * outbox, which `AuditRelay` reads. They are numbered from 1 in the order of the commits, without a gap.
 */
export interface AuditOutbox {
  /** The number of the last event that is durable. */
  readonly last: number
  /** Resolves when an event that comes with no change is durable. @throws as the store does */
  append (event: AuditEvent): Promise<void>
  /** Up to `limit` events behind the one of that number, in order. @throws as the store does */
  read (after: number, limit: number): Promise<readonly Committed[]>
  /** The journal has all events up to that number: they need not be kept, and none gets such a number again. */
  forget (through: number): void
  /** Has `listener` called whenever `last` has become greater. */
  listen (listener: () => void): void
}
