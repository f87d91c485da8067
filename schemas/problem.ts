import { Type, type Static } from '@sinclair/typebox'
import { CODES } from '../src/errors.js'
import { output, ref, stringEnum } from './helpers.js'
import { ID_PATTERN } from './metadata.js'

/** What `X-Request-Id` may be: unreserved characters, which can do no harm in a log. */
export const REQUEST_ID_PATTERN = '^[A-Za-z0-9._~-]{1,128}$'

export const ViolationSchema = output('Violation', {
  pointer: Type.String({ description: 'Where it is: an RFC 6901 JSON pointer into the body, or into the parameters by name.' }),
  detail: Type.String({ description: 'What is wrong with it.' })
}, { description: 'One thing that is wrong with a request.' })

export const ProblemSchema = output('Problem', {
  type: Type.String({ description: '`urn:ectx:problem:` and the code.' }),
  title: Type.String({ description: 'The code in words.' }),
  status: Type.Integer({ format: 'int32', minimum: 400, maximum: 599, description: 'The HTTP status.' }),
  detail: Type.String({ description: 'What went wrong, and what to do.' }),
  instance: Type.String({ description: 'The path that was asked for.' }),
  code: stringEnum(CODES, { description: 'The google.rpc code, in lower case.' }),
  request_id: Type.String({ pattern: REQUEST_ID_PATTERN, description: 'Also in `X-Request-Id` and in every log line of the request.' }),
  existing_id: Type.Optional(
    Type.String({ pattern: ID_PATTERN, description: 'With `already_exists`: the id of the context that has the slug.' })
  ),
  errors: Type.Optional(Type.Array(ref(ViolationSchema), { description: 'With `invalid_argument`: all that is wrong.' }))
}, { description: 'Every answer that is no success, after RFC 9457.' })

export type Problem = Static<typeof ProblemSchema>
