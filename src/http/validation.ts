import { Ajv, type ErrorObject } from 'ajv'
import type { FastifySchemaCompiler } from 'fastify'
import { closestMatch } from 'leven'
import { invalidArgument, jsonPointer, type Violation } from '../errors.js'
import { slugOf } from '../steps/slug.js'

/**
 * Compiles the TypeBox schemas of the routes. Unlike Fastify's default it changes nothing in a body: no coercion, no
 * defaults, no silently dropped fields. Parameters and query come as text, so there types are coerced.
 * A request that does not fit fails with every violation, up to a hundred.
 */
export function createValidatorCompiler (shared: Iterable<object>): FastifySchemaCompiler<object> {
  const body = createAjv({ coerceTypes: false })
  const text = createAjv({ coerceTypes: true })
  for (const schema of shared) {
    body.addSchema(schema)
    text.addSchema(schema)
  }
  return ({ schema, httpPart }) => {
    // Headers come as text, and none that a route names is required: their schemas are for the document alone.
    if (httpPart === 'headers') return () => true
    const validate = (httpPart === 'body' ? body : text).compile(schema)
    return data => validate(data) ? { value: data } : { error: invalidArgument(violations(validate.errors ?? [])) }
  }
}

function createAjv (options: { coerceTypes: boolean }): Ajv {
  // `verbose` puts values into the error objects: they are turned into violations at once and go nowhere else.
  const ajv = new Ajv({ ...options, allErrors: true, verbose: true, strict: true, strictTypes: false, formats: { 'date-time': true } })
  ajv.addKeyword({ keyword: 'x-message', schemaType: 'string' })
  ajv.addKeyword({ keyword: 'x-property-names', macro: (propertyNames: object) => ({ propertyNames }) })
  ajv.addKeyword({
    keyword: 'x-max-bytes',
    type: 'string',
    validate: (most: number, value: string) => Buffer.byteLength(value) <= most
  })
  ajv.addKeyword({
    keyword: 'x-max-total-bytes',
    type: 'object',
    validate: (most: number, entries: Record<string, { value?: unknown } | null>) =>
      Object.values(entries).reduce((sum, entry) => sum + (typeof entry?.value === 'string' ? Buffer.byteLength(entry.value) : 0), 0) <= most
  })
  ajv.addKeyword({
    keyword: 'x-slug-source',
    type: 'object',
    validate: (_: true, { name, slug }: { name?: unknown, slug?: unknown }) =>
      // A name or slug of another type, and a slug that is given, are other rules' concern.
      slug !== undefined || (name !== undefined && typeof name !== 'string') || slugOf({ name }).violation === undefined
  })
  return ajv
}

// A body can break the rules more than a million times; nobody reads on that far.
const MOST_VIOLATIONS = 100

/** One violation for each place: the first rule that speaks of it says enough. */
function violations (errors: readonly ErrorObject[]): Violation[] {
  const byPointer = new Map<string, Violation>()
  for (const error of errors) {
    if (byPointer.size === MOST_VIOLATIONS) break
    // Only sums up the errors below it.
    if (error.keyword === 'x-property-names') continue
    const violation = describe(error)
    if (!byPointer.has(violation.pointer)) byPointer.set(violation.pointer, violation)
  }
  return [...byPointer.values()]
}

function describe ({ keyword, instancePath, params, parentSchema = {}, propertyName, data }: ErrorObject): Violation {
  const child = (name: string) => instancePath + jsonPointer([name])
  if (propertyName !== undefined) return { pointer: child(propertyName), detail: `the key ${sentence(keyword, params)}` }
  if (keyword === 'type' && instancePath === '') return { pointer: '', detail: 'must be a JSON object' }
  switch (keyword) {
    case 'required': return { pointer: child(params.missingProperty), detail: 'is required' }
    case 'propertyNames': return { pointer: child(params.propertyName), detail: 'the key is invalid' }
    case 'additionalProperties': {
      const pointer = child(params.additionalProperty)
      return { pointer, detail: SERVER_SET.get(pointer) ?? unknownField(params.additionalProperty, Object.keys(parentSchema.properties ?? {})) }
    }
    case 'x-slug-source': {
      const { name } = data as { name?: string }
      const detail = name ? slugOf({ name }).violation?.detail : undefined
      return detail !== undefined
        ? { pointer: child('name'), detail }
        : { pointer: instancePath, detail: 'give a name or a slug' }
    }
    default: return { pointer: instancePath, detail: parentSchema['x-message'] ?? sentence(keyword, params) }
  }
}

function sentence (keyword: string, params: Record<string, any>): string {
  switch (keyword) {
    case 'type': return `must be ${/^[aeio]/.test(params.type) ? 'an' : 'a'} ${params.type}`
    case 'enum': return `must be ${params.allowedValues.join(' or ')}`
    case 'minLength': return params.limit === 1 ? 'must not be empty' : `must be at least ${params.limit} characters`
    case 'maxLength': return `must be at most ${params.limit} characters`
    case 'maxItems': return `must be at most ${params.limit} items`
    case 'maxProperties': return `must be at most ${params.limit} entries`
    case 'pattern': return `must match ${params.pattern}`
    case 'x-max-bytes': return 'must be at most 65536 bytes (64 KiB)'
    case 'x-max-total-bytes': return 'must not exceed 1048576 bytes (1 MiB) in all'
    default: return 'is invalid'
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
