import type { ErrorObject } from 'ajv'
import { closestMatch } from 'leven'
import { PATTERN_SENTENCES } from '../../../schemas/text.js'
import { jsonPointer, oneEach, type Violation } from '../../errors.js'
import { slugOf } from '../../resource/slug.js'

/** What each rule that a schema may have tells a caller who breaks it. */
export const SENTENCES: Readonly<Record<string, (params: Record<string, any>, schema: Record<string, any>) => string>> = {
  type: ({ type }) => type === 'boolean' ? 'must be true or false' : `must be ${/^[aeio]/.test(type) ? 'an' : 'a'} ${type}`,
  enum: ({ allowedValues }) => `must be ${allowedValues.join(' or ')}`,
  required: () => 'is required',
  additionalProperties: ({ additionalProperty }, { properties = {} }) => unknownField(additionalProperty, Object.keys(properties)),
  minimum: ({ limit }) => `must be at least ${limit}`,
  maximum: ({ limit }) => `must be at most ${limit}`,
  minLength: ({ limit }) => limit === 1 ? 'must not be empty' : `must be at least ${limit} characters`,
  maxLength: ({ limit }) => `must be at most ${limit} characters`,
  minItems: ({ limit }) => `must be at least ${limit} ${limit === 1 ? 'item' : 'items'}`,
  format: ({ format }) => `must be a ${format}`,
  maxItems: ({ limit }) => `must be at most ${limit} items`,
  maxProperties: ({ limit }) => `must be at most ${limit} entries`,
  pattern: ({ pattern }) => PATTERN_SENTENCES[pattern] ?? `must match ${pattern}`,
  'x-max-bytes': () => 'must be at most 65536 bytes (64 KiB)',
  'x-max-total-bytes': () => 'must not exceed 1048576 bytes (1 MiB) in all',
  'x-slug-source': () => 'give a name or a slug'
}

/** What Ajv found wrong with a body, or with parameters: one violation for each place, a hundred at most. */
export const violationsOf = (errors: readonly ErrorObject[], isBody: boolean): Violation[] => oneEach(described(errors, isBody))

function * described (errors: readonly ErrorObject[], isBody: boolean): Generator<Violation> {
  for (const error of errors) {
    // These only sum up what was wrong with a key.
    if (error.keyword !== 'x-property-names' && error.keyword !== 'propertyNames') yield isBody ? describe(error) : describeParameter(error)
  }
}

function describeParameter (error: ErrorObject): Violation {
  const { pointer, detail } = describe(error)
  if (Array.isArray(error.data)) return { pointer, detail: 'is given more than once; give it once' }
  return { pointer, detail: detail.replace(/^unknown field/, 'unknown parameter') }
}

function describe ({ keyword, instancePath, params, parentSchema = {}, propertyName, data }: ErrorObject): Violation {
  const child = (name: string) => instancePath + jsonPointer([name])
  const sentence = SENTENCES[keyword]!(params, parentSchema)
  if (propertyName !== undefined) return { pointer: child(propertyName), detail: `the key ${sentence}` }
  switch (keyword) {
    case 'type': return {
      pointer: instancePath,
      detail: instancePath === '' ? 'must be a JSON object' : parentSchema['x-message'] ?? sentence
    }
    case 'required': return { pointer: child(params.missingProperty), detail: sentence }
    case 'additionalProperties': {
      const pointer = child(params.additionalProperty)
      return { pointer, detail: SERVER_SET.get(pointer) ?? sentence }
    }
    case 'x-slug-source': {
      const { name } = data as { name?: string }
      const detail = name ? slugOf({ name }).violation?.detail : undefined
      return detail === undefined ? { pointer: instancePath, detail: sentence } : { pointer: child('name'), detail }
    }
    default: return { pointer: instancePath, detail: parentSchema['x-message'] ?? sentence }
  }
}

const SERVER_SET = new Map([
  ['/metadata/id', 'is given by the server; leave it out'],
  ['/metadata/version', 'is kept by the server; leave it out'],
  ['/status', 'is kept by the server; leave it out']
])

function unknownField (name: string, known: readonly string[]): string {
  const snake = name.replace(/[A-Z]/g, '_$&').toLowerCase()
  const twin = closestMatch(snake, known, { maxDistance: 2 })
  return twin === undefined ? 'unknown field' : `unknown field; did you mean ${twin}?`
}
