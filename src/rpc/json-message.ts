import { fromJson, type DescField, type DescMessage, type JsonValue } from '@bufbuild/protobuf'
import { jsonPointer, type Violation } from '../errors.js'

type Path = ReadonlyArray<string | number>

/** Why `value` is no JSON of such a message: all fields that are not known or, where there are none, that a type is wrong. No value is told. */
export function mistakesIn (message: DescMessage, value: unknown): Violation[] {
  const unknown = [...unknownIn(message, value, [])]
  if (unknown.length > 0) return unknown
  try {
    fromJson(message, value as JsonValue)
    return []
  } catch (error) {
    // What it says behind the name of the field quotes the value.
    const [, field] = error instanceof Error ? /^cannot decode (?:message|field) ([\w.]+)/.exec(error.message) ?? [] : []
    return [{ pointer: '', detail: `is no ${message.typeName}: ${field ?? 'a field'} has another type; see the .proto` }]
  }
}

function * unknownIn (message: DescMessage, value: unknown, path: Path): Generator<Violation> {
  // Google's own have a JSON of their own.
  if (!isObject(value) || message.typeName.startsWith('google.protobuf.')) return
  for (const [name, inner] of Object.entries(value)) {
    const field = message.fields.find(field => field.name === name || field.jsonName === name)
    if (field === undefined) yield { pointer: jsonPointer([...path, name]), detail: 'is not known' }
    else yield * unknownInField(field, inner, [...path, name])
  }
}

function * unknownInField (field: DescField, value: unknown, path: Path): Generator<Violation> {
  if (field.message === undefined) return
  const { message } = field
  if (field.fieldKind === 'message') yield * unknownIn(message, value, path)
  else if (Array.isArray(value)) for (const [index, item] of value.entries()) yield * unknownIn(message, item, [...path, index])
  else if (isObject(value)) for (const [key, item] of Object.entries(value)) yield * unknownIn(message, item, [...path, key])
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value)
