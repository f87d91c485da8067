import { getOption, ScalarType, toJson, type DescField, type DescMessage, type JsonObject } from '@bufbuild/protobuf'
import { field as fieldOption, FieldRulesSchema, message as messageOption, MessageRulesSchema } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js'
import { DURATION_PATTERN } from '../../schemas/execution-context.js'

type Json = Record<string, any>

interface Field {
  readonly schema: Json
  /** Whether a request without it is refused. */
  readonly required: boolean
}

export interface Message {
  readonly name: string
  readonly fields: Readonly<Record<string, Field>>
  /** Ids of the CEL rules of the message and of its fields: what they mean as JSON schema, they cannot say themselves. */
  readonly cel: readonly string[]
  /** What a caller is told who breaks one, by its id. */
  readonly sentences: Readonly<Record<string, string>>
}

const NAMES: Readonly<Record<string, Json>> = {
  'google.protobuf.Duration': { type: 'string', pattern: DURATION_PATTERN, maxLength: 22 },
  'google.protobuf.Timestamp': { type: 'string', format: 'date-time' }
}

const SCALARS: Partial<Record<ScalarType, Json>> = {
  [ScalarType.STRING]: { type: 'string' },
  [ScalarType.BOOL]: { type: 'boolean' },
  [ScalarType.INT32]: { type: 'integer', format: 'int32', maximum: 2_147_483_647 }
}

/** What a `.proto` message says in the words of JSON schema. Throws where it has something for which there is no word. */
export function schemaOfProto (message: DescMessage): Message {
  const rules = toJson(MessageRulesSchema, getOption(message, messageOption), { useProtoFieldName: true }) as Json
  const own = { cel: [] as Json[], ...rules }
  assertKnown(own, ['cel'], message.typeName)
  const fields = message.fields.map(field => [field.name, fieldOf(field)] as const)
  const cel = [...own.cel, ...fields.flatMap(([, { cel }]) => cel)]
  return {
    name: message.name,
    fields: Object.fromEntries(fields.map(([name, { schema, required }]) => [name, { schema, required }])),
    cel: cel.map(({ id }) => id).sort(),
    sentences: Object.fromEntries(cel.map(({ id, message }) => [id, message]))
  }
}

function fieldOf (field: DescField): Field & { cel: Json[] } {
  const options = toJson(FieldRulesSchema, getOption(field, fieldOption), { useProtoFieldName: true }) as Json
  const { cel = [], ignore, required = false, ...rules } = options
  const schema = { ...typeOf(field), ...constraintsOf(rules, field) }
  if (field.fieldKind === 'list') schema.items = { ...schema.items, ...constraintsOf(rules.repeated?.items ?? {}, field) }
  if (field.fieldKind === 'map') schema.additionalProperties = { ...schema.additionalProperties, ...constraintsOf(rules.map?.values ?? {}, field) }
  const isText = schema.type === 'string'
  // A required text must not be empty; where a pattern is given it says so itself.
  if (required && isText && schema.pattern === undefined) schema.minLength = 1
  const isNeeded = isText && ignore === undefined && (schema.minLength > 0 || rules.string?.const !== undefined)
  return { schema, cel, required: required || isNeeded || schema.minItems > 0 }
}

function typeOf (field: DescField): Json {
  switch (field.fieldKind) {
    case 'list': return { type: 'array', items: elementOf(field.listKind, field) }
    case 'map': return { type: 'object', additionalProperties: elementOf(field.mapKind, field) }
    default: return elementOf(field.fieldKind, field)
  }
}

function elementOf (kind: 'scalar' | 'enum' | 'message', { scalar, enum: names, message }: DescField): Json {
  if (kind === 'enum') return { type: 'string', enum: names!.values.map(({ name }) => name) }
  if (kind === 'message') return NAMES[message!.typeName] ?? { $ref: message!.name }
  const schema = SCALARS[scalar!]
  if (schema === undefined) throw new Error(`no word for scalar ${scalar}`)
  return schema
}

const STRING: Readonly<Record<string, (value: any) => Json>> = {
  const: value => ({ enum: [value] }),
  min_len: value => ({ minLength: Number(value) }),
  max_len: value => ({ maxLength: Number(value) }),
  // No text has fewer bytes than characters; to be empty is the same for both.
  min_bytes: value => ({ minLength: Number(value) }),
  max_bytes: value => ({ maxLength: Number(value), 'x-max-bytes': Number(value) }),
  pattern: value => ({ pattern: value }),
  // `__proto__`, which the JSON parser refuses everywhere.
  not_in: () => ({})
}

const KINDS: Readonly<Record<string, Readonly<Record<string, (value: any) => Json>>>> = {
  string: STRING,
  enum: { defined_only: () => ({}) },
  int32: { gte: value => ({ minimum: Number(value) }) },
  repeated: { min_items: value => ({ minItems: Number(value) }), max_items: value => ({ maxItems: Number(value) }), items: () => ({}) },
  map: {
    max_pairs: value => ({ maxProperties: Number(value) }),
    keys: rules => ({ 'x-property-names': translate(rules.string, STRING, 'keys') }),
    values: () => ({})
  }
}

const constraintsOf = (rules: JsonObject, { name }: DescField): Json =>
  Object.assign({}, ...Object.entries(rules).map(([kind, its]) => translate(its as Json, KINDS[kind] ?? {}, `${name}.${kind}`)))

function translate (rules: Json, words: Readonly<Record<string, (value: any) => Json>>, where: string): Json {
  assertKnown(rules, Object.keys(words), where)
  return Object.assign({}, ...Object.entries(rules).map(([rule, value]) => words[rule]!(value)))
}

function assertKnown (rules: Json, known: readonly string[], where: string): void {
  const unknown = Object.keys(rules).filter(rule => !known.includes(rule))
  if (unknown.length > 0) throw new Error(`${where}: no word for ${unknown.join(', ')}`)
}
