import type { LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import type { Problem } from '../../schemas/problem.js'

interface Expected {
  readonly status: number
  readonly code: string
  /** Of the violations, in any order. */
  readonly pointers?: readonly string[]
}

const STACK = /\bat \S+ \(|\.[jt]s:\d+:\d+|node_modules/

/** Asserts that `response` is a problem document, whole and with nothing more, and answers it. */
export function assertProblem (t: Test, response: LightMyRequestResponse, { status, code, pointers }: Expected, name = 'is a problem'): Problem {
  const problem = response.json<Problem>()
  const { title, detail, instance, existing_id: existingId, errors, ...others } = problem
  t.same({
    ...others,
    status: response.statusCode,
    contentType: response.headers['content-type'],
    cacheControl: response.headers['cache-control'],
    wellFormed: /^[A-Z][a-z ]+$/.test(title) && detail !== '' && /^(\/[^?]*|\*)$/.test(instance),
    hasStack: STACK.test(response.payload),
    hasExistingId: existingId !== undefined,
    pointers: errors?.map(({ pointer }) => pointer).sort()
  }, {
    type: `urn:ectx:problem:${code}`,
    code,
    request_id: response.headers['x-request-id'],
    status,
    contentType: 'application/problem+json; charset=utf-8',
    cacheControl: 'no-store',
    wellFormed: true,
    hasStack: false,
    hasExistingId: code === 'already_exists',
    pointers: pointers && [...pointers].sort()
  }, name)
  return problem
}
