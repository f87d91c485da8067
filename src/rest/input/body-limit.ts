import type { TObject } from '@sinclair/typebox'
import * as contexts from '../../../schemas/execution-context.js'
import type { Rules } from '../../../schemas/helpers.js'
import * as metadata from '../../../schemas/metadata.js'

interface Schema extends Omit<Rules, 'x-slug-source'> {
  readonly $ref?: string
  readonly type?: string
  readonly enum?: readonly string[]
  readonly maxLength?: number
  readonly maxItems?: number
  readonly maxProperties?: number
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema | false
}

const MIB = 1024 * 1024
// JSON may write any character as `\uXXXX`, and those beyond the first 65,536 as two of these.
const ESCAPED_BYTE = 6
const ESCAPED_CHARACTER = 12
// Of slugs and of the names of values, which their patterns bound, and all in ASCII.
const MOST_BY_PATTERN = 253
const QUOTES = 2
const BRACKETS = 2

const byId = new Map([...Object.values<unknown>(contexts), ...Object.values<unknown>(metadata)]
  .filter((value): value is TObject => typeof value === 'object' && value !== null && '$id' in value)
  .map(schema => [`${schema.$id}#`, schema as Schema]))

/** The bytes of the largest JSON that `schema` admits, however it is escaped, without white space. */
function largest (schema: Schema): number {
  if (schema.$ref !== undefined) return largest(byId.get(schema.$ref)!)
  if (schema.enum !== undefined) return QUOTES + Math.max(...schema.enum.map(({ length }) => length * ESCAPED_BYTE))
  switch (schema.type) {
    case 'string': return largestString(schema)
    case 'boolean': return 'false'.length
    case 'array': return BRACKETS + schema.maxItems! * (largest(schema.items!) + ','.length)
    case 'object': return BRACKETS + (schema.additionalProperties
      ? largestMap(
        schema,
        schema.additionalProperties
      )
      : largestObject(schema.properties!))
    default: throw new Error(`nobody knows how large a ${schema.type} can be`)
  }
}

function largestString ({ maxLength, 'x-max-bytes': maxBytes }: Schema): number {
  if (maxBytes !== undefined) return QUOTES + maxBytes * ESCAPED_BYTE
  return QUOTES + (maxLength === undefined ? MOST_BY_PATTERN * ESCAPED_BYTE : maxLength * ESCAPED_CHARACTER)
}

const largestObject = (properties: Readonly<Record<string, Schema>>): number => Object.entries(properties)
  .reduce((sum, [name, schema]) => sum + QUOTES + name.length * ESCAPED_BYTE + ':,'.length + largest(schema), 0)

function largestMap ({ maxProperties, 'x-property-names': names = {}, 'x-max-total-bytes': total }: Schema, value: Schema): number {
  const entry = largestString(names) + ':,'.length + largest(value)
  if (total === undefined) return maxProperties! * entry
  // All values together are smaller than each could be.
  const { 'x-max-bytes': ofEach = 0 } = byId.get(value.$ref!)?.properties?.value ?? {}
  return maxProperties! * (entry - ofEach * ESCAPED_BYTE) + total * ESCAPED_BYTE
}

/**
 * The most bytes of a body: every context that keeps to the contract fits, however its JSON is escaped. A twentieth more
 * for white space, in whole MiB.
 */
export const BODY_LIMIT = Math.ceil(largest(contexts.ExecutionContextInputSchema as Schema) * 1.05 / MIB) * MIB
