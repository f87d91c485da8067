import {
  Type,
  type SchemaOptions,
  type Static,
  type StringOptions,
  type TObject,
  type TProperties,
  type TSchema,
  type TUnsafe
} from '@sinclair/typebox'

// TypeBox's own unions, records and enums come out of OpenAPI generators badly; these come out well.

/** `schema` by its `$id`: one component in the OpenAPI document, one type in an SDK. */
export const ref = <T extends TSchema>(schema: T): TUnsafe<Static<T>> => Type.Unsafe<Static<T>>({ $ref: `${schema.$id}#` })

/** A string enum of its own: one component in the OpenAPI document and one type in an SDK, however often it is used. */
export const sharedEnum = <T extends string>($id: string, values: readonly T[], options: SchemaOptions): TUnsafe<T> =>
  stringEnum(values, { $id, ...options })

/** One of the strings of `values`. */
export const stringEnum = <T extends string>(values: readonly T[], options: SchemaOptions = {}): TUnsafe<T> =>
  Type.Unsafe<T>({ type: 'string', enum: [...values], ...options })

/** An object with free keys. */
export const map = <T extends TSchema>(values: T, options: SchemaOptions = {}): TUnsafe<Record<string, Static<T>>> =>
  Type.Unsafe<Record<string, Static<T>>>({ type: 'object', additionalProperties: values, ...options })

/** An object that a caller sends: a field that is not listed is refused. */
export const input = <T extends TProperties>($id: string, properties: T, options: SchemaOptions = {}): TObject<T> =>
  Type.Object(properties, { $id, additionalProperties: false, ...options })

/** An object that the server sends: a later version may add fields. */
export const output = <T extends TProperties>($id: string, properties: T, options: SchemaOptions = {}): TObject<T> =>
  Type.Object(properties, { $id, ...options })

/**
 * Rules that JSON Schema in OpenAPI 3.0 cannot say; `src/rest/input/validation.ts` enforces them. Each has its twin among
 * the rules of the .proto files, and `test/schemas/agreement.test.ts` holds the two together.
 */
export interface Rules {
  /** The most bytes of a string, in UTF-8. */
  'x-max-bytes'?: number
  /** The most bytes of all `value`s of a map together, in UTF-8. */
  'x-max-total-bytes'?: number
  /** What every key of a map must be: JSON Schema's `propertyNames`, which OpenAPI 3.0 lacks. */
  'x-property-names'?: StringOptions
  /** Metadata must have a slug, or a name that gives one. */
  'x-slug-source'?: true
  /** The whole sentence for a value that breaks any rule of this schema. */
  'x-message'?: string
}
export const rules = (rules: Rules): Rules => rules
