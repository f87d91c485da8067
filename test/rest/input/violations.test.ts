import { Kind } from '@sinclair/typebox'
import t from 'tap'
import * as requests from '../../../schemas/requests.js'
import { sharedSchemas } from '../../../src/rest/document/openapi.js'
import { createValidatorCompiler } from '../../../src/rest/input/validation.js'
import { SENTENCES } from '../../../src/rest/input/violations.js'

type Json = Record<string, any>

/** Keywords that no value can break: they lead to other schemas, or are for readers. */
const NO_RULES = ['$id', '$ref', 'properties', 'patternProperties', 'items', 'x-property-names', 'x-message', 'description', 'format']

/** The keywords of `schema` and of all schemas in it; what it names by `$ref` is among the shared ones. */
function keywordsIn (schema: Json): string[] {
  const { properties = {}, patternProperties = {}, items, additionalProperties, 'x-property-names': names } = schema
  const below = [...Object.values<Json>(properties), ...Object.values<Json>(patternProperties), items, additionalProperties, names].filter(value => typeof value === 'object')
  return [...Object.keys(schema), ...below.flatMap(keywordsIn)]
}

t.test('each rule that a request can break has its sentence', async t => {
  const parameters = Object.values<unknown>(requests).filter((value): value is Json => typeof value === 'object' && value !== null && Kind in value)
  const inputs = sharedSchemas.filter(({ additionalProperties }) => additionalProperties === false)
  t.ok(parameters.length >= 8 && inputs.length >= 4)
  const used = new Set([...parameters, ...inputs].flatMap(keywordsIn))
  t.same([...used].filter(keyword => !NO_RULES.includes(keyword) && !(keyword in SENTENCES)), [], 'no rule is without one')
  t.same(Object.keys(SENTENCES).filter(keyword => !used.has(keyword)), [], 'no sentence is without its rule')
})

t.test('each sentence says what is right', async t => {
  const compile = createValidatorCompiler(sharedSchemas)
  const told = (schema: Json, value: unknown, httpPart: 'body' | 'querystring' = 'body') => {
    const result: any = compile({ schema: { type: 'object', properties: { a: schema } }, httpPart, method: 'POST', url: '/' })({ a: value })
    return result.error?.violations[0]?.detail
  }
  for (const [schema, value, sentence] of [
    [{ type: 'integer' }, 'x', 'must be an integer'],
    [{ type: 'string' }, 1, 'must be a string'],
    [{ type: 'boolean' }, 1, 'must be true or false'],
    [{ type: 'string', enum: ['b', 'c'] }, 'd', 'must be b or c'],
    [{ type: 'integer', minimum: 2 }, 1, 'must be at least 2'],
    [{ type: 'integer', maximum: 2 }, 3, 'must be at most 2'],
    [{ type: 'string', minLength: 1 }, '', 'must not be empty'],
    [{ type: 'string', minLength: 2 }, 'x', 'must be at least 2 characters'],
    [{ type: 'string', maxLength: 2 }, 'xxx', 'must be at most 2 characters'],
    [{ type: 'string', pattern: '^x$' }, 'y', 'must match ^x$'],
    [{ type: 'array', maxItems: 1 }, [1, 2], 'must be at most 1 items'],
    [{ type: 'object', maxProperties: 1 }, { b: 1, c: 2 }, 'must be at most 1 entries'],
    [{ type: 'object', 'x-property-names': { minLength: 1, pattern: '^x' } }, { '': 1 }, 'the key must not be empty'],
    [{ type: 'object', 'x-property-names': { minLength: 1, pattern: '^x' } }, { y: 1 }, 'the key must match ^x']
  ] as const) t.equal(told(schema, value), sentence)
  t.equal(told({ type: 'string' }, ['x', 'x'], 'querystring'), 'is given more than once; give it once')
})
