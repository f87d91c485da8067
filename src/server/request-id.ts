import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { REQUEST_ID_PATTERN } from '../../schemas/problem.js'

const WELL_FORMED = new RegExp(REQUEST_ID_PATTERN)

/** The caller's `X-Request-Id` where it is 1 to 128 unreserved characters (so it can do no harm in a log), else a new one. */
export function requestIdOf (request: Pick<IncomingMessage, 'headers'>): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && WELL_FORMED.test(given) ? given : randomUUID()
}
