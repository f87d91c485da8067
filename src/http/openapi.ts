import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { TObject } from '@sinclair/typebox'
import type { OpenAPIV3 } from 'openapi-types'
import * as contexts from '../../schemas/execution-context.js'
import * as health from '../../schemas/health.js'
import * as metadata from '../../schemas/metadata.js'
import * as problem from '../../schemas/problem.js'
import { HEADERS, PROBLEMS, REQUEST_EXAMPLE, RESPONSE_EXAMPLE } from './openapi-parts.js'

type Schemas = Readonly<Record<string, unknown>>

/** Every schema with an `$id`: each is one component of the document and one type of an SDK. */
export const sharedSchemas: readonly TObject[] = ([contexts, health, metadata, problem] satisfies Schemas[])
  .flatMap(module => Object.values<unknown>(module))
  .filter((value): value is TObject => typeof value === 'object' && value !== null && '$id' in value)

/**
 * The OpenAPI document. Its version is 3.0.3, since some generators understand no later one. A route declares its
 * success and, as `x-problems`, the statuses of its problems; headers, problems and examples are added here.
 */
export const documentOptions: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.0.3',
    info: {
      title: 'Execution Context Gateway',
      version: '1.0.0',
      description: 'Holds the configuration and secrets of one workflow or agent run: created when the run starts, read while it runs, gone when it ends.',
      contact: { name: 'The maintainers', url: 'https://github.com/stigmer/execution-context-gateway' },
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' }
    },
    servers: [{ url: 'http://127.0.0.1:8080', description: 'A gateway on this machine.' }],
    security: [],
    tags: [
      { name: 'ExecutionContexts', description: 'The contexts of runs.' },
      { name: 'Health', description: 'For probes.' }
    ]
  },
  // Components are named by their `$id`, not `def-0`.
  refResolver: { buildLocalReference: json => String(json.$id).replace(/#$/, '') },
  transformObject: document => 'openapiObject' in document ? complete(document.openapiObject as OpenAPIV3.Document) : document.swaggerObject
}

interface Operation extends OpenAPIV3.OperationObject {
  'x-problems'?: number[]
}

function complete (document: OpenAPIV3.Document): OpenAPIV3.Document {
  for (const item of Object.values(document.paths)) {
    for (const operation of Object.values(item ?? {}) as Operation[]) completeOperation(operation)
  }
  for (const schema of Object.values(document.components?.schemas ?? {})) {
    // OpenAPI names a component by its key.
    if ('title' in schema) delete schema.title
  }
  return { ...document, components: { ...document.components, headers: HEADERS, responses: PROBLEMS } }
}

function completeOperation (operation: Operation): void {
  const { 'x-problems': problems = [] } = operation
  delete operation['x-problems']
  const isCreate = '201' in operation.responses
  for (const [status, response] of Object.entries(operation.responses)) {
    if ('$ref' in response) continue
    const ofContext = operation.tags?.includes('ExecutionContexts')
    const names = ['X-Request-Id', ...(ofContext ? ['ETag'] : []), ...(isCreate ? ['Location'] : [])]
    response.headers = Object.fromEntries(names.map(name => [name, { $ref: `#/components/headers/${name}` }]))
    const media = response.content?.['application/json']
    if (media !== undefined) media.example = ofContext ? RESPONSE_EXAMPLE : { status: 'ok' }
    if (status === '200' && operation.parameters?.some(parameter => 'name' in parameter && parameter.name === 'if-none-match')) {
      operation.responses['304'] = { $ref: '#/components/responses/NotModified' }
    }
  }
  for (const status of problems) operation.responses[status] = { $ref: `#/components/responses/Problem${status}` }
  operation.responses['default'] = { $ref: '#/components/responses/Problem' }
  const body = operation.requestBody
  if (body !== undefined && 'content' in body) body.content['application/json']!.example = REQUEST_EXAMPLE
}
