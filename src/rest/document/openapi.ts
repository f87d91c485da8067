import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { TSchema } from '@sinclair/typebox'
import type { OpenAPIV3 } from 'openapi-types'
import * as audit from '../../../schemas/audit.js'
import * as contexts from '../../../schemas/execution-context.js'
import * as events from '../../../schemas/events.js'
import * as health from '../../../schemas/health.js'
import * as lists from '../../../schemas/lists.js'
import * as metadata from '../../../schemas/metadata.js'
import * as problem from '../../../schemas/problem.js'
import * as requests from '../../../schemas/requests.js'
import { VERSION } from './version.js'
import { addSchemaExamples, BODY_EXAMPLES, exampleOf } from './examples.js'
import { HEADERS, LABELS, LINKS, PARAMETERS, PROBLEMS, SECURITY_SCHEMES } from './parts.js'

type Schemas = Readonly<Record<string, unknown>>

/** Every schema with an `$id`: each is one component of the document and one type of an SDK. */
export const sharedSchemas: readonly TSchema[] = ([audit, contexts, events, health, lists, metadata, problem, requests] satisfies Schemas[])
  .flatMap(module => Object.values<unknown>(module))
  .filter((value): value is TSchema => typeof value === 'object' && value !== null && '$id' in value)

const DESCRIPTION = `
Holds the configuration and secrets of one workflow or agent run, in an *ExecutionContext*: created when the run starts,
read while it runs, gone when it ends. A context never changes, but for new values of its secrets.

Callers send a token as \`Authorization: Bearer …\`. An *operator* may do everything; a *viewer* may read, without the values
of secrets; a *run token* opens the one context that it was made for, to get, reveal, keep and
delete it. A gateway that has no
credentials configured serves its own machine only, without any token.

Every answer that is no success is a problem document (RFC 9457) with a \`code\` for programs and a \`detail\` for people.
Every answer has an \`X-Request-Id\`; send your own to find it in the log.

A later version may add fields to answers and values to enums: clients must accept both, and pass over what they do not know.`.trim()

/**
 * The OpenAPI document. Its version is 3.0.3, since some generators understand no later one. A route declares its
 * success and, as `x-problems`, the statuses of its problems; headers, problems and examples are added here.
 */
export const documentOptions: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.0.3',
    info: {
      title: 'Execution Context Gateway',
      version: VERSION,
      description: DESCRIPTION,
      contact: { name: 'The maintainers of execution-context-gateway' },
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' }
    },
    servers: [{ url: 'http://127.0.0.1:8080', description: 'A gateway on this machine.' }],
    externalDocs: { description: 'RFC 9457, the form of every answer that is no success', url: 'https://www.rfc-editor.org/rfc/rfc9457' },
    // The second: a gateway without configured credentials needs none, as it is by default.
    security: [{ bearerAuth: [] }, {}],
    components: { securitySchemes: SECURITY_SCHEMES },
    tags: [
      { name: 'ExecutionContexts', description: 'Create, read and delete the contexts of runs.' },
      { name: 'Events', description: 'Follow what happens to contexts.' },
      { name: 'Audit', description: 'See who did what.' },
      { name: 'Health', description: 'For probes.' }
    ]
  },
  // Components are named by their `$id`, not `def-0`.
  refResolver: { buildLocalReference: json => String(json.$id).replace(/#$/, '') },
  transformObject: document => 'openapiObject' in document ? complete(document.openapiObject as OpenAPIV3.Document) : document.swaggerObject
}

interface DescribedRoute extends OpenAPIV3.OperationObject {
  'x-problems'?: number[]
  'x-labels'?: true
}

function complete ({ paths, components = {}, ...document }: OpenAPIV3.Document): OpenAPIV3.Document {
  const byName = Object.entries(components.schemas ?? {}).sort(([a], [b]) => a < b ? -1 : 1)
  const schemas = Object.fromEntries(byName) as Record<string, OpenAPIV3.SchemaObject>
  for (const [name, schema] of Object.entries(schemas)) addSchemaExamples(name, schema)
  for (const item of Object.values(paths)) {
    for (const operation of Object.values(item ?? {}) as DescribedRoute[]) completeOperation(operation, schemas)
  }
  return forReaders({
    ...document,
    paths,
    components: {
      securitySchemes: components.securitySchemes,
      schemas,
      parameters: PARAMETERS,
      responses: PROBLEMS,
      headers: HEADERS,
      links: LINKS
    }
  })
}

/** Without keywords of our own, which no reader's tools know: descriptions say it in words. */
const forReaders = (document: OpenAPIV3.Document): OpenAPIV3.Document =>
  JSON.parse(JSON.stringify(document, (key, value) => key.startsWith('x-') ? undefined : value))

function completeOperation (operation: DescribedRoute, schemas: Readonly<Record<string, OpenAPIV3.SchemaObject>>): void {
  const { 'x-problems': problems = [], 'x-labels': hasLabels = false, requestBody, responses, tags } = operation
  const parameters = (operation.parameters ?? []) as OpenAPIV3.ParameterObject[]
  delete operation['x-problems']
  delete operation['x-labels']
  const ofContext = tags?.includes('ExecutionContexts')
  for (const response of Object.values(responses)) {
    if ('$ref' in response) continue
    const showsOne = componentOf(response.content?.['application/json']?.schema) === 'ExecutionContext'
    const ofCreated = '201' in responses ? ['Location', 'Idempotent-Replayed'] : []
    response.headers = references('headers', ['X-Request-Id', ...(showsOne ? ['ETag'] : []), ...ofCreated])
    for (const [type, media] of Object.entries(response.content ?? {})) {
      media.example = BODY_EXAMPLES[componentOf(media.schema) ?? type]
    }
    if ('201' in responses) response.links = references('links', Object.keys(LINKS))
  }
  if (parameters.some(({ name }) => name === 'If-None-Match')) responses['304'] = { $ref: '#/components/responses/NotModified' }
  for (const status of problems) responses[status] = { $ref: `#/components/responses/Problem${status}` }
  responses['default'] = { $ref: '#/components/responses/Problem' }
  const body = requestBody !== undefined && 'content' in requestBody ? requestBody.content['application/json'] : undefined
  if (body !== undefined) body.example = BODY_EXAMPLES[componentOf(body.schema) ?? '']
  for (const parameter of parameters) {
    completeParameter(parameter, schemas)
    // Of another form there is no context (404), but there may be audit events: of who was refused it.
    if (ofContext && parameter.in === 'path' && parameter.name === 'id') {
      Object.assign(parameter.schema ?? {}, { pattern: metadata.ID_PATTERN })
    }
  }
  operation.parameters = [
    // A path's own first.
    ...parameters.sort((a, b) => Number(b.in === 'path') - Number(a.in === 'path')),
    ...(hasLabels ? [LABELS] : []),
    ...Object.values(references('parameters', Object.keys(PARAMETERS)))
  ]
}

const references = (kind: 'headers' | 'links' | 'parameters', names: readonly string[]): Record<string, OpenAPIV3.ReferenceObject> =>
  Object.fromEntries(names.map(name => [name, { $ref: `#/components/${kind}/${name}` }]))

/** The component that `schema` is. */
const componentOf = (schema: OpenAPIV3.SchemaObject | OpenAPIV3.ReferenceObject = {}): string | undefined =>
  '$ref' in schema ? schema.$ref.slice('#/components/schemas/'.length) : undefined

/** What the schema of a parameter cannot say where it is a component: that takes nothing beside it. */
function completeParameter (parameter: OpenAPIV3.ParameterObject, schemas: Readonly<Record<string, OpenAPIV3.SchemaObject>>): void {
  const component = schemas[componentOf(parameter.schema) ?? '']
  parameter.description ??= component?.description
  parameter.example = component === undefined ? exampleOf(parameter) : component.example
}
