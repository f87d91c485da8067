import { hash } from 'node:crypto'
import type { Code } from '../errors.js'

/** What happened. `lost` says how many events could not be kept while the log could not be written. */
export type AuditEventName =
  | 'created' | 'read' | 'revealed' | 'deleted' | 'denied' | 'authentication_failed' | 'rotated_key' | 'started' | 'stopped' | 'lost'

/** One thing that somebody did, or tried to do. It names values by their keys and never holds one, nor a hash of one. */
export interface AuditEvent {
  readonly event: AuditEventName
  readonly caller: { readonly name: string, readonly kind: string }
  readonly operation?: string
  readonly context_id?: string
  readonly slug?: string
  readonly execution_id?: string
  /** The names of the secrets that were revealed. */
  readonly keys?: readonly string[]
  readonly request_id?: string
  readonly remote_address?: string
  readonly outcome: Code | 'ok'
  /** Of the key ring, with `rotated_key`. */
  readonly key_id?: string
  /** With `lost`, how many events were; with `authentication_failed`, how many more failed within a minute than have one of their own. */
  readonly count?: number
}

/** An event as it stands in the log. */
export interface AuditRecord extends AuditEvent {
  /** From 1, without a gap. */
  readonly sequence: number
  /** SHA-256 of the bytes of the line before, in hex. */
  readonly previous: string
  /** When it happened, ISO 8601 in UTC. */
  readonly time: string
}

/** What the first line of all has for the hash of the line before it. */
export const NO_LINE = '0'.repeat(64)

/**
 * The part of a line that does not depend on its place in the chain. JSON escapes what comes from callers, so that
 * nobody can begin a line of their own; the order of the fields is fixed.
 */
export const describe = (event: AuditEvent, milliseconds: number): string => JSON.stringify({
  time: isoTime(milliseconds),
  event: event.event,
  caller: { name: event.caller.name, kind: event.caller.kind },
  operation: event.operation,
  context_id: event.context_id,
  slug: event.slug,
  execution_id: event.execution_id,
  keys: event.keys,
  request_id: event.request_id,
  remote_address: event.remote_address,
  outcome: event.outcome,
  key_id: event.key_id,
  count: event.count
}).slice(1)

/** A whole line, without the newline that ends it. */
export const lineOf = (sequence: number, previous: string, description: string): string =>
  `{"sequence":${sequence},"previous":"${previous}",${description}`

/** The record that `line` holds; `undefined` where it is no line of ours. */
export function parseLine (line: Buffer): AuditRecord | undefined {
  try {
    const text = line.toString()
    return LINE.test(text) ? JSON.parse(text) : undefined
  } catch {
    return undefined
  }
}
const LINE = /^\{"sequence":[1-9][0-9]{0,15},"previous":"[0-9a-f]{64}","time":"/

// Twice as fast as a Hash object.
export const hashOf = (line: string | Buffer): string => hash('sha256', line, 'hex')

let stampedAt: number | undefined
let stamp = ''

/** Made once for all the events of one millisecond. */
function isoTime (milliseconds: number): string {
  if (milliseconds !== stampedAt) {
    stampedAt = milliseconds
    stamp = new Date(milliseconds).toISOString()
  }
  return stamp
}
