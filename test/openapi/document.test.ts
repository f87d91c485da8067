import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import type { OpenAPIV3 } from 'openapi-types'
import t from 'tap'
import { documentText } from '../../openapi/document.js'
import { BODY_LIMIT } from '../../src/rest/input/body-limit.js'
import { sharedSchemas } from '../../src/rest/document/openapi.js'
import { ApiResourceKindSchema } from '../../src/gen/ai/stigmer/commons/apiresource/apiresourcekind/api_resource_kind_pb.js'
import { contextBody, createContext, PATH, post, startGateway } from '../support/gateway.js'

const committed = readFileSync('openapi/openapi.json', 'utf8')
const { components = {}, externalDocs, info, paths, security, tags = [] }: OpenAPIV3.Document = JSON.parse(committed)
const schemas = components.schemas as Record<string, OpenAPIV3.SchemaObject>

/** What `part` is, or what it refers to. */
function resolved<T> (part: object): T {
  if (!('$ref' in part)) return part as T
  return String(part.$ref).slice('#/'.length).split('/').reduce((node: any, key) => node[key], { components }) as T
}
const operations = Object.values(paths).flatMap(item => [item?.get, item?.post, item?.delete]).filter(operation => operation !== undefined)

t.test('the committed document is what the routes say now; if not, run npm run openapi', async t => {
  t.equal(await documentText(), committed)
})

t.test('each shared schema is a component by its own name', async t => {
  t.same(Object.keys(components.schemas ?? {}), sharedSchemas.map(({ $id }) => $id).sort())
})

t.test('each operation has an id in camelCase, a described tag and an answer for every failure', async t => {
  t.equal(new Set(operations.map(({ operationId }) => operationId)).size, 18)
  for (const { operationId = '', tags: [tag, ...others] = [], responses } of operations) {
    t.match(operationId, /^[a-z]+([A-Z][a-z]+)+$/)
    t.ok(tags.some(({ name, description }) => name === tag && description))
    t.same(others, [])
    t.ok('default' in responses, operationId)
  }
})

/** Every property and every parameter with the name that it has to a reader; of one that is a component, that. */
const properties = Object.entries(schemas).flatMap(([component, { properties = {} }]) =>
  Object.entries(properties).map(([name, property]) => ({ name: `${component}.${name}`, property: resolved<OpenAPIV3.SchemaObject>(property) })))
const parameters = operations.flatMap(({ operationId, parameters = [] }) =>
  parameters.map(parameter => ({ name: `${operationId}(${Object.values(parameter)[0]})`, parameter: resolved<OpenAPIV3.ParameterObject>(parameter) })))

t.test('every property and every parameter is described, and has an example unless its own properties have', async t => {
  for (const { name, property } of properties) {
    t.ok(property.description, name)
    if (property.properties === undefined) t.not(property.example, undefined, name)
  }
  for (const { name, parameter } of parameters) {
    t.ok(parameter.description, name)
    t.not(parameter.example, undefined, name)
  }
})

t.test('every example is valid', async t => {
  const ajv = new Ajv({ strict: false, formats: { 'date-time': true, int32: true, int64: true } })
  ajv.addSchema({ $id: 'document', components })
  const examples = examplesIn(JSON.parse(committed.replaceAll('"#/components/', '"document#/components/')))
  t.ok(examples.length > properties.length + operations.length)
  for (const { schema, example } of examples) t.ok(ajv.validate(schema, example), `${JSON.stringify(example)} ${ajv.errorsText()}`)
})

t.test('callers may show a token or none, and probes show none', async t => {
  t.same(security, [{ bearerAuth: [] }, {}])
  for (const { operationId = '', security, tags } of operations) t.same(security, tags?.includes('Health') ? [] : undefined, operationId)
})

t.test('what is the same everywhere is one component', async t => {
  const names = { view: 'View', api_version: 'ApiVersion', kind: 'Kind', scope: 'ApiResourceOwnerScope' }
  for (const [name, component] of Object.entries(names)) t.ok(schemas[component]?.enum, name)
  const enums = [...committed.matchAll(/"enum": \[[^\]]*\]/g)].map(([text]) => text.replaceAll(/\s+/g, ' '))
  // But the status of all that is well, and the narrower scope of a request.
  t.same(enums.filter((text, index) => enums.indexOf(text) !== index), [])
})

t.test('a reference names those kinds alone that are accepted', async t => {
  const { app } = await startGateway(t)
  const { slug } = await createContext(app)
  const listed = schemas['ApiResourceKind']?.enum ?? []
  for (const { name } of ApiResourceKindSchema.values) {
    const { statusCode } = await app.inject(`${PATH}/by-reference?slug=${slug}&kind=${name}`)
    t.equal(statusCode, listed.includes(name) ? 200 : 400, name)
  }
})

t.test('integers say how large they are, and nothing that is answered is left to be guessed', async t => {
  for (const { name, property } of properties) {
    if (property.type === 'integer') t.equal(property.format, name === 'Problem.status' ? 'int32' : 'int64', name)
    t.notOk(property.readOnly, name)
  }
  for (const { name, parameter: { schema } } of parameters) {
    const { type, format } = resolved<OpenAPIV3.SchemaObject>(schema!)
    if (type === 'integer') t.equal(format, 'int32', name)
  }
})

t.test('ids have a pattern, which those of a gateway match', async t => {
  const { app } = await startGateway(t)
  const { id } = await createContext(app)
  const { pattern = '' } = schemas['ApiResourceMetadata']?.properties?.id as OpenAPIV3.SchemaObject
  t.match(id, new RegExp(pattern))
  t.notMatch(`${id}0`, new RegExp(pattern))
  t.equal((schemas['Problem']?.properties?.existing_id as OpenAPIV3.SchemaObject).pattern, pattern)
  for (const method of ['get', 'delete'] as const) {
    const [parameter] = paths[`${PATH}/{id}`]?.[method]?.parameters as OpenAPIV3.ParameterObject[]
    t.equal((parameter?.schema as OpenAPIV3.SchemaObject).pattern, pattern)
  }
  const created = await post(app, contextBody({ metadata: { name: 'Another' } }), `${PATH}?run_token=true`)
  const { run_token: token } = schemas['ExecutionContextStatus']?.properties as Record<string, OpenAPIV3.SchemaObject>
  t.match(created.json().status.run_token, new RegExp(token?.pattern ?? ''))
})

t.test('a 201 links to what can be done next', async t => {
  for (const path of [PATH, `${PATH}/apply`]) {
    const { links = {} } = paths[path]?.post?.responses['201'] as OpenAPIV3.ResponseObject
    const targets = Object.values(links).map(link => resolved<OpenAPIV3.LinkObject>(link))
    t.same(targets.map(({ operationId }) => operationId).sort(), [
      'deleteExecutionContext', 'getExecutionContext', 'getExecutionContextByReference', 'getExecutionContextEnv', 'heartbeatExecutionContext',
      'listExecutionContextAuditEvents'
    ])
    for (const { operationId, parameters: given = {} } of targets) {
      const known = operations.find(operation => operation.operationId === operationId)?.parameters as OpenAPIV3.ParameterObject[]
      for (const [name, expression] of Object.entries(given)) {
        t.ok(known.some(parameter => parameter.name === name))
        const value = String(expression).replace('$response.body#/', '').split('/').reduce((node: any, key) => node[key], exampleOf(paths[path]?.post?.responses['201']))
        t.type(value, 'string')
      }
    }
  }
})

t.test('every operation takes X-Request-Id', async t => {
  for (const { operationId = '', parameters = [] } of operations) {
    t.ok(parameters.map(parameter => resolved<OpenAPIV3.ParameterObject>(parameter)).some(({ name, in: place }) => name === 'X-Request-Id' && place === 'header'), operationId)
  }
})

t.test('it has no fields but those of OpenAPI, and the limits that these cannot say are in the descriptions', async t => {
  const limits = { 'x-max-bytes': (most: number) => String(most), 'x-max-total-bytes': (most: number) => String(most), 'x-property-names': (rule: any) => String(rule.maxLength ?? rule.pattern) }
  const ours = sharedSchemas.flatMap(({ $id, properties = {} }) =>
    Object.entries<Record<string, any>>(properties).map(([name, property]) => ({ name: `${$id}.${name}`, property })))
  const found = ours.flatMap(({ name, property }) => Object.entries(property).filter(([key]) => key in limits).map(([key, value]) => {
    t.ok(property.description?.includes(limits[key as keyof typeof limits](value as never)), `${name}: ${key}`)
    return key
  }))
  t.ok(found.length > 3)
  t.notMatch(committed, /"x-/)
})

t.test('it says whose it is, where to read on and that clients must accept what is new, and has the version of the package', async t => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
  t.equal(info.version, version)
  t.ok(info.contact?.name)
  t.ok(externalDocs?.url)
  t.match(info.description, /values to enums/)
})

/** Each example beside the schema it is of: that beside it, or that which it stands in. */
function examplesIn (node: unknown): Array<{ schema: object, example: unknown }> {
  if (typeof node !== 'object' || node === null) return []
  const below = Object.entries(node).flatMap(([key, value]) => key === 'example' ? [] : examplesIn(value))
  if (!('example' in node)) return below
  const { example, ...schema } = node
  return [{ schema: 'schema' in node && typeof node.schema === 'object' && node.schema !== null ? node.schema : schema, example }, ...below]
}

t.test('the examples are what a gateway answers', async t => {
  const { app } = await startGateway(t)
  const url = '/v1/execution-contexts'
  const create = paths[url]?.post
  const body = exampleOf(create?.requestBody)
  const example = exampleOf(create?.responses['201']) as { metadata: { id: string, version: { id: string } }, status: { audit: { spec_audit: { created_at: string } } } }
  /** With the ids and times of the examples. */
  const steady = (text: string) => text
    .replace(/exec-[0-9a-z]{26}/g, example.metadata.id)
    .replace(/ver-[0-9a-z]{26}/g, example.metadata.version.id)
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, example.status.audit.spec_audit.created_at)

  const created = await app.inject({ method: 'POST', url, payload: body })
  t.equal(created.statusCode, 201)
  t.equal(steady(created.body), steady(JSON.stringify(example)))

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
