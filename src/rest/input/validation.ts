import { Ajv } from 'ajv'
import type { FastifySchemaCompiler } from 'fastify'
import { invalidArgument } from '../../errors.js'
import { slugOf } from '../../resource/slug.js'
import { violationsOf } from './violations.js'

/**
 * Compiles the TypeBox schemas of the routes. Unlike Fastify's default it changes nothing in a body: no coercion, no
 * defaults, no silently dropped fields. Parameters and query come as text, which is read as the type that they have.
 * A request that does not fit fails with every violation, up to a hundred.
 */
export function createValidatorCompiler (shared: Iterable<object>): FastifySchemaCompiler<object> {
  const ajv = createAjv()
  for (const schema of shared) ajv.addSchema(schema)
  return ({ schema, httpPart }) => {
    // Headers come as text, and none that a route names is required: their schemas are for the document alone.
    if (httpPart === 'headers') return () => true
    const validate = ajv.compile(schema)
    const fails = () => ({ error: invalidArgument(violationsOf(validate.errors ?? [], httpPart === 'body')) })
    if (httpPart === 'body') return data => validate(data) ? { value: data } : fails()
    const read = readerOf(schema)
    return data => validate(read(data)) ? { value: data } : fails()
  }
}

/** Turns the texts among an object's properties into what `schema` says they are, where they are written like one. */
function readerOf ({ properties = {} }: { properties?: Readonly<Record<string, { type?: string }>> }) {
  const typed = Object.entries(properties).filter(([, { type }]) => type === 'integer' || type === 'boolean')
  const lists = Object.entries(properties).flatMap(([name, { type }]) => type === 'array' ? [name] : [])
  return (data: Record<string, unknown>) => {
    for (const [name, { type }] of typed) {
      const text = data[name]
      if (typeof text !== 'string') continue
      if (type === 'integer' && /^(?:0|-?[1-9]\d{0,14})$/.test(text)) data[name] = Number(text)
      if (type === 'boolean' && /^(true|false)$/.test(text)) data[name] = text === 'true'
    }
    // With commas between them, or given more than once.
    for (const name of lists) if (data[name] !== undefined) data[name] = [data[name]].flat().flatMap(text => String(text).split(','))
    return data
  }
}

function createAjv (): Ajv {
  // `verbose` puts values into the error objects: they are turned into violations at once and go nowhere else.
  const formats = { 'date-time': isTime, int32: true, int64: true } as const
  const ajv = new Ajv({ allErrors: true, verbose: true, strict: true, strictTypes: false, formats })
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
    validate: (most: number, entries: Record<string, { value?: unknown } | null>) => {
      const bytes = Object.values(entries).map(entry => typeof entry?.value === 'string' ? Buffer.byteLength(entry.value) : 0)
      return bytes.reduce((sum, more) => sum + more, 0) <= most
    }
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

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/
/** Whether `text` is a time of RFC 3339. */
const isTime = (text: string): boolean =>
  TIME.test(text) && !text.startsWith('0000') && !Number.isNaN(Date.parse(text)) && isDay(text.slice(0, 10))
/** Whether there is such a day: the thirtieth of February would be taken for one of March. */
const isDay = (day: string): boolean => new Date(`${day}T00:00:00Z`).toISOString().startsWith(day)
