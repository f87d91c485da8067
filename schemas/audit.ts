import { Type } from '@sinclair/typebox'
import { CODES } from '../src/errors.js'
import { output, ref, stringEnum } from './helpers.js'

export const AuditCallerSchema = output('AuditCaller', {
  name: Type.String({ description: 'As audit blocks of resources name it.' }),
  kind: stringEnum(['system', 'token', 'jwt', 'run', 'anonymous'], { description: 'How it showed who it is.' })
}, { description: 'Who called.' })

export const AuditEventSchema = output('AuditEvent', {
  sequence: Type.Integer({ format: 'int64', minimum: 1, description: 'From 1, without a gap; where there is a `gateway`, of that one.' }),
  gateway: Type.Optional(Type.String({ description: 'Where it happened, where many gateways share a database: each has its own chain.' })),
  time: Type.String({ format: 'date-time', description: 'When it happened.' }),
  commit: Type.Optional(Type.Integer({
    format: 'int64',
    minimum: 1,
    description: 'The number it was committed under in the store, before it came into the log. Only what came with a change has one, and what was revealed while the log could not be written.'
  })),
  event: stringEnum([
    'created',
    'replayed',
    'read',
    'listed',
    'revealed',
    'heartbeat',
    'rotated',
    'deleted',
    'expired',
    'watched',
    'denied',
    'authentication_failed',
    'rotated_key',
    'destroyed_key',
    'wrapped_ring',
    'replaced_ring',
    'accepted_store',
    'restored_store',
    'started',
    'stopped',
    'lost'
  ], {
    description: 'What happened. `replayed` is a create or a rotation that was sent again with its idempotency key; `watched`, that somebody began to follow events; `lost` says how many events could not be kept; `accepted_store`, that somebody took as right what a damaged store still held; `wrapped_ring`, that another root key wraps the key ring than before, or none; `replaced_ring`, that keys are gone from it, or back, as where an older one was put in its place or another begun; `restored_store`, that what is before it came from a backup: what happened between is not known here.'
  }),
  caller: ref(AuditCallerSchema),
  operation: Type.Optional(Type.String({ description: 'What was asked for, such as `getByReference`.' })),
  context_id: Type.Optional(Type.String({ description: 'The context it was about.' })),
  slug: Type.Optional(Type.String({ description: 'Its slug.' })),
  execution_id: Type.Optional(Type.String({ description: 'The execution it was for.' })),
  keys: Type.Optional(Type.Array(Type.String(), {
    description: 'The names of the secrets that were shown, or with `rotated` got new values: as many as take 4 KiB.'
  })),
  keys_left_out: Type.Optional(Type.Integer({
    format: 'int64', minimum: 1, description: 'How many more secrets these were than `keys` names, where these are too many or too long.'
  })),
  shredded: Type.Optional(Type.Boolean({
    description: 'With `deleted`: its secrets cannot be had any more, also from copies of the store and of its keys.'
  })),
  request_id: Type.Optional(Type.String({ description: 'The `X-Request-Id`.' })),
  remote_address: Type.Optional(Type.String({ description: 'Where the call came from.' })),
  outcome: stringEnum(['ok', ...CODES], { description: '`ok`, or why not.' }),
  key_id: Type.Optional(Type.String({
    pattern: '^key-[0-9a-z]{26}$',
    description: 'The new key of the ring, with `rotated_key`; with `destroyed_key`, the one whose secrets are lost for ever; with `replaced_ring`, the one that seals now.'
  })),
  count: Type.Optional(Type.Integer({
    format: 'int64',
    minimum: 1,
    description: 'How many events were lost, with `lost`; how many records there are, with `accepted_store` and `restored_store`. With `authentication_failed`, how many more failed within a minute than have an event of their own.'
  })),
  previous: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256 of the line before, in hex.' })
}, { description: 'One thing that somebody did or tried to do. Names values by their keys and never holds one.' })

export const AuditEventPageSchema = output('AuditEventPage', {
  events: Type.Array(ref(AuditEventSchema), { description: 'Oldest first.' }),
  verified: Type.Boolean({
    description: 'Whether the hash of each of these events is in the line behind it, or where the log ends. Where not, somebody has changed the log: the log of the gateway says where.'
  }),
  next_page_token: Type.Optional(Type.String({ description: 'For the next page; left out on the last.' }))
}, { description: 'A page of the audit log.' })
