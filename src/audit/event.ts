import { hash } from 'node:crypto'
import type { Static } from '@sinclair/typebox'
import type { AuditEventSchema } from '../../schemas/audit.js'

/** An event as it stands in the log, and as it is told to whoever asks. */
export type AuditRecord = Readonly<Static<typeof AuditEventSchema>>

/** One thing that somebody did, or tried to do. It names values by their keys and never holds one, nor a hash of one. */
export type AuditEvent = Omit<AuditRecord, 'sequence' | 'previous' | 'gateway' | 'commit' | 'time' | 'keys' | 'keys_left_out'> & {
  readonly keys?: readonly string[]
}

export type AuditEventName = AuditEvent['event']

/** Tells that so many events could not be kept, and why. */
export const lostEvents = (count: number, outcome: 'unavailable' | 'internal'): AuditEvent =>
  ({ event: 'lost', caller: { name: 'system', kind: 'system' }, count, outcome })

/** An event on its way into the log, where it gets the next number and the hash of the line before. */
export interface Entry {
  /** What its line holds beside these: `describe` makes it. */
  readonly description: string
  /** What it is about, where that is known without reading the description. */
  readonly about?: Pick<AuditEvent, 'context_id' | 'execution_id'>
  /** The number that the event has in the outbox of the store, where it comes from there. */
  readonly commit?: number
}

/** What the first line of all has for the hash of the line before it. */
export const NO_LINE = '0'.repeat(64)

/**
 * The part of a line that does not depend on its place. JSON escapes what comes from callers, so that nobody can begin a line
 * of their own; the order of the fields is fixed.
 */
export const describe = (event: AuditEvent, milliseconds: number): string => JSON.stringify({
  time: isoTime(milliseconds),
  event: event.event,
  caller: { name: event.caller.name, kind: event.caller.kind },
  operation: event.operation,
  context_id: event.context_id,
  slug: event.slug,
  execution_id: event.execution_id,
  ...boundedNames(event.keys),
  shredded: event.shredded,
  request_id: event.request_id,
  remote_address: event.remote_address,
  outcome: event.outcome,
  key_id: event.key_id,
  count: event.count
}).slice(1)

const MOST_BYTES_OF_NAMES = 4096

/** As many of the names as an event may have, and how many they are not. */
export function boundedNames (keys: readonly string[] | undefined): { keys?: readonly string[] | undefined, keys_left_out?: number } {
  let bytes = 0
  const end = keys?.findIndex(key => (bytes += Buffer.byteLength(JSON.stringify(key)) + 1) > MOST_BYTES_OF_NAMES) ?? -1
  return keys === undefined || end === -1 ? { keys } : { keys: keys.slice(0, end), keys_left_out: keys.length - end }
}

/** A whole line, without the newline that ends it. In a database `append_audit` makes them, with the name of the gateway. */
export const lineOf = (sequence: number, previous: string, { description, commit }: Entry): string =>
  `{"sequence":${sequence},"previous":"${previous}",${commit === undefined ? '' : `"commit":${commit},`}${description}`

/** The record that `line` holds; `undefined` where it is no line of ours. */
export function parseLine (line: Buffer): AuditRecord | undefined {
  try {
    const text = line.toString()
    return LINE.test(text) ? JSON.parse(text) : undefined
  } catch {
    return undefined
  }
}
const LINE = /^\{"sequence":[1-9][0-9]{0,15},"previous":"[0-9a-f]{64}",("gateway":"[\w.-]+",)?("commit":[1-9][0-9]{0,15},)?"time":"/

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
