import type { FastifyRequest } from 'fastify'
import { invalidArgument } from '../errors.js'
import type { View } from '../resource/call.js'
import { parseIdempotencyKey } from '../resource/idempotency.js'
import type { Asked } from './methods.js'

/** What the metadata of a call says. @throws `invalid_argument` */
export function askedIn ({ origin, headers }: Pick<FastifyRequest, 'origin' | 'headers'>): Asked {
  const key = headers['idempotency-key']
  return {
    origin,
    requestedView: oneOf<View>('ectx-view', headers['ectx-view'], ['full', 'redacted']),
    wantsRunToken: oneOf('ectx-run-token', headers['ectx-run-token'], ['true', 'false']) === 'true',
    shreds: oneOf('ectx-shred', headers['ectx-shred'], ['true', 'false']) === 'true',
    idempotencyKey: key === undefined ? undefined : parseIdempotencyKey(String(key))
  }
}

function oneOf<T extends string> (name: string, value: unknown, values: readonly T[]): T | undefined {
  if (value === undefined || values.includes(value as T)) return value as T | undefined
  throw invalidArgument([{ pointer: `/${name}`, detail: `must be ${values.join(' or ')}` }])
}
