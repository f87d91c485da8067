import { Type, type Static } from '@sinclair/typebox'
import { CODES } from '../src/errors.js'
import { output, ref, stringEnum } from './helpers.js'

export const ViolationSchema = output('Violation', {
  pointer: Type.String({ description: 'Where it is: an RFC 6901 JSON pointer into the body, or into the parameters by name.' }),
  detail: Type.String({ description: 'What is wrong with it.' })
}, { description: 'One thing that is wrong with a request.' })

export const ProblemSchema = output('Problem', {
  type: Type.String({ description: '`urn:ectx:problem:` and the code.' }),
  title: Type.String({ description: 'The code in words.' }),
  status: Type.Integer({ minimum: 400, maximum: 599, description: 'The HTTP status.' }),
  detail: Type.String({ description: 'What went wrong, and what to do.' }),
  instance: Type.String({ description: 'The path that was asked for.' }),
  code: stringEnum(CODES, { description: 'The google.rpc code, in lower case.' }),
  request_id: Type.String({ description: 'Also in `X-Request-Id` and in every log line of the request.' }),
  existing_id: Type.Optional(Type.String({ description: 'With `already_exists`: the id of the context that has the slug.' })),
  errors: Type.Optional(Type.Array(ref(ViolationSchema), { description: 'With `invalid_argument`: all that is wrong.' }))
}, { description: 'Every answer that is no success, after RFC 9457.' })

export type Problem = Static<typeof ProblemSchema>
