import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import type { OpenAPIV3 } from 'openapi-types'
import t from 'tap'
import { documentText } from '../../openapi/document.js'
import { BODY_LIMIT } from '../../src/http/body-limit.js'
import { sharedSchemas } from '../../src/http/openapi.js'
import { startGateway } from '../support/gateway.js'

const committed = readFileSync('openapi/openapi.json', 'utf8')
const { components = {}, paths, tags = [] }: OpenAPIV3.Document = JSON.parse(committed)
const operations = Object.values(paths).flatMap(item => [item?.get, item?.post, item?.delete]).filter(operation => operation !== undefined)

t.test('the committed document is what the routes say now; if not, run npm run openapi', async t => {
  t.equal(await documentText(), committed)
})

t.test('each shared schema is a component by its own name', async t => {
  t.same(Object.keys(components.schemas ?? {}), sharedSchemas.map(({ $id }) => $id).sort())
})

t.test('each operation has an id in camelCase, a described tag and an answer for every failure', async t => {
  t.equal(new Set(operations.map(({ operationId }) => operationId)).size, 9)
  for (const { operationId = '', tags: [tag, ...others] = [], responses } of operations) {
    t.match(operationId, /^[a-z]+([A-Z][a-z]+)+$/)
    t.ok(tags.some(({ name, description }) => name === tag && description))
    t.same(others, [])
    t.ok('default' in responses, operationId)
  }
})

t.test('every property of a component is described', async t => {
  for (const [name, schema] of Object.entries(components.schemas ?? {})) {
    if ('$ref' in schema) continue
    for (const [property, value] of Object.entries(schema.properties ?? {})) {
      t.ok('$ref' in value || value.description, `${name}.${property}`)
    }
  }
})

t.test('every example is valid', async t => {
  const ajv = new Ajv({ strict: false, formats: { 'date-time': true } })
  ajv.addSchema({ $id: 'document', components })
  const examples = examplesIn(JSON.parse(committed.replaceAll('"#/components/', '"document#/components/')))
  t.ok(examples.length > 2 * operations.length)
  for (const { schema, example } of examples) t.ok(ajv.validate(schema, example), ajv.errorsText())
})

/** Each example beside the schema it is of. */
function examplesIn (node: unknown): Array<{ schema: object, example: unknown }> {
  if (typeof node !== 'object' || node === null) return []
  const below = Object.values(node).flatMap(examplesIn)
  return 'schema' in node && typeof node.schema === 'object' && node.schema !== null && 'example' in node
    ? [{ schema: node.schema, example: node.example }, ...below]
    : below
}

t.test('the examples are what a gateway answers', async t => {
  const { app } = await startGateway(t)
  const url = '/v1/execution-contexts'
  const create = paths[url]?.post
  const body = exampleOf(create?.requestBody)
  const example = exampleOf(create?.responses['201']) as { metadata: { id: string }, status: { audit: { spec_audit: { created_at: string } } } }
  /** With the ids and times of the examples. */
  const steady = (text: string) => text
    .replace(/exec-[0-9a-z]{26}/g, example.metadata.id)
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, example.status.audit.spec_audit.created_at)

  const created = await app.inject({ method: 'POST', url, payload: body })
  t.equal(created.statusCode, 201)
  t.equal(steady(created.body), JSON.stringify(example))

  const problems = {
    400: { method: 'POST', url, payload: { metadata: { name: 'x', owner_scope: 'platform' }, spec: {} } },
    404: { method: 'GET', url: `${url}/${example.metadata.id}` },
    409: { method: 'POST', url, payload: body },
    412: { method: 'DELETE', url: created.headers.location, headers: { 'if-match': '"another"' } },
    413: { method: 'POST', url, payload: Buffer.alloc(BODY_LIMIT + 1), headers: { 'content-type': 'application/json' } },
    415: { method: 'POST', url, payload: 'name: x', headers: { 'content-type': 'text/yaml' } }
  } as const
  for (const [status, request] of Object.entries(problems)) {
    const example = exampleOf(components.responses?.[`Problem${status}`]) as { request_id: string }
    const { body } = await app.inject({ ...request, headers: { ...('headers' in request && request.headers), 'x-request-id': example.request_id } })
    t.equal(steady(body), JSON.stringify(example), status)
  }
})

const exampleOf = (part: object = {}): object =>
  Object.values((part as OpenAPIV3.ResponseObject).content ?? {})[0]?.example
