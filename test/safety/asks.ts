import { readFileSync } from 'node:fs'
import type { OpenAPIV3 } from 'openapi-types'
import { contextBody } from '../support/gateway.js'

/** A request, and whether its answer may repeat what its path says. */
export interface Ask {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  readonly repeatsPath?: boolean
}

const { paths }: OpenAPIV3.Document = JSON.parse(readFileSync('openapi/openapi.json', 'utf8'))

/** Every operation of the OpenAPI document: so a new one cannot be forgotten. */
const entries = (item: unknown) => Object.entries(item as Record<string, OpenAPIV3.OperationObject>)
export const OPERATIONS = Object.entries(paths).flatMap(([path, item]) => entries(item).map(([method, operation]) => ({
  id: operation.operationId!,
  method: method.toUpperCase(),
  path,
  parameters: operation.parameters as OpenAPIV3.ParameterObject[] ?? []
})))

export const HEADERS = ['x-anything', 'cookie', 'referer', 'user-agent', 'origin', 'accept', 'accept-encoding', 'content-encoding', 'idempotency-key', 'if-match', 'if-none-match', 'range', 'forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-http-method-override', 'x-api-key', 'x-request-id', 'traceparent', 'baggage']

/** Where a path names something. */
const ID = /\{\w+\}/
const JSON_TYPE = { 'content-type': 'application/json' }

/**
 * Puts `canary` wherever a caller may put a secret by mistake, in every operation, on the context that `id` and `slug`
 * name and on none.
 */
export function * asks (canary: string, about: { id: string, slug: string }): Generator<Ask> {
  // As a stream it would not end.
  for (const ask of allAsks(canary, about)) yield /\/events\b/.test(ask.path) ? { ...ask, headers: { accept: 'application/json', ...ask.headers } } : ask
}

function * allAsks (canary: string, { id, slug }: { id: string, slug: string }): Generator<Ask> {
  // Longer headers and paths never reach a route: Node's parser refuses them.
  const short = canary.slice(0, 4_000)
  const inUrl = encodeURIComponent(short)
  // A header is ISO 8859-1 without control characters, and `x-request-id` is logged by design where it is well-formed.
  const inHeader = Buffer.from(`"${canary.slice(0, 500)}"`).toString('latin1').replaceAll(/[^ -~\u00a0-\u00ff]/g, ' ')
  const inHeaders = Object.fromEntries(HEADERS.map(name => [name, inHeader]))
  for (const { method, path, parameters } of OPERATIONS) {
    // What succeeds must leave the context where it is.
    const aim = method === 'DELETE' ? 'exec-none' : id
    const to = (query = '', target = aim) => path.replace(ID, target) + query
    const slugged = (name: string) => path.endsWith('/by-reference') && name !== 'slug' ? `slug=${slug}&` : ''
    for (const name of [...parameters.filter(parameter => parameter.in === 'query').map(({ name }) => name), 'token', 'x']) yield { method, path: to(`?${slugged(name)}${name}=${inUrl}`) }
    yield { method, path: to(`?${slugged('')}`), headers: inHeaders }
    yield { method, path: to(`?${slugged('')}`), headers: { 'content-type': inHeader } }
    if (ID.test(path)) {
      yield { method, path: to('', inUrl.slice(0, 1_200)), repeatsPath: true }
      yield { method, path: to('', `${inUrl.slice(0, 240)}%zz`), repeatsPath: true }
    }
    if (method !== 'GET') for (const [body, headers = JSON_TYPE] of badBodies(canary)) yield { method, path: to(`?${slugged('')}`), headers, body }
  }
  yield { method: 'PUT', path: `${OPERATIONS[0]!.path}?x=${inUrl}`, headers: inHeaders }
  yield { method: 'GET', path: `/nothing?x=${inUrl}`, headers: inHeaders }
  yield { method: 'GET', path: `/%zz?x=${inUrl}`, headers: inHeaders }
}

/** Shows `canary` as a credential of every kind, to every operation. */
export function * credentialAsks (canary: string, { id, slug }: { id: string, slug: string }): Generator<Ask> {
  const short = canary.slice(0, 2_000)
  const encoded = Buffer.from(short).toString('base64url')
  const token = short.replaceAll(/[^A-Za-z0-9._~+/-]/g, '')
  const claims = Buffer.from(JSON.stringify({ alg: 'ES256', kid: short, sub: short, iss: short, role: short })).toString('base64url')
  const credentials = [token, `Bearer ${token}`, `Bearer ${encoded}`, `Basic ${encoded}`, `Token ${token}`, `Bearer ectx_run_${id}_${token.slice(0, 43)}`, `Bearer ${claims}.${claims}.${encoded}`]
  for (const { method, path } of OPERATIONS) for (const authorization of credentials) yield { method, path: `${path.replace(ID, id)}?slug=${slug}`, headers: { authorization } }
}

/** Bodies that are refused, each with `canary` in it; and the headers that they come with, where it is not JSON. */
export function * badBodies (canary: string): Generator<[body: string | Buffer, headers?: Record<string, string>]> {
  const spec = (data: unknown) => contextBody({ spec: { execution_id: 'wfx-1', data: data as object } })
  const metadata = (fields: object) => contextBody({ metadata: { name: 'Refused', ...fields } })
  const wrong: unknown[] = [
    ...[[canary], { text: canary }, { value: canary }].map(value => spec({ K: { value, is_secret: true } })),
    spec({ K: { value: 'x', is_secret: canary } }),
    spec({ K: { value: `${canary}${'x'.repeat(65_536)}`, is_secret: true } }),
    // The name is right or nearly so; the value is where it should not be.
    ...['valeu', 'Value', 'isSecret', 'secret', '__proto', 'constructor'].map(name => spec({ K: { [name]: canary, value: 'x', is_secret: true } })),
    ...[canary, [canary], { K: canary }, { K: [canary] }].map(spec),
    ...['spec', 'metadata', 'status', 'api_version', 'kind', 'id', 'data', 'execution_id'].map(name => ({ ...contextBody(), [name]: canary })),
    ...['owner_scope', 'id', 'version', 'labels', 'annotations', 'tags', 'slug', 'Name', 'value'].map(name => metadata({ [name]: canary })),
    ...['name', 'slug', 'org'].map(name => metadata({ [name]: [canary] })),
    metadata({ labels: { team: [canary] }, tags: [[canary]], version: { message: canary } }),
    contextBody({ spec: { execution_id: [canary] } }),
    { ...contextBody(), status: { run_token: canary, audit: canary } },
    canary, [canary], [[canary]]
  ]
  for (const body of wrong) yield [JSON.stringify(body)]

  const json = JSON.stringify(spec({ K: { value: canary, is_secret: true } }))
  const quoted = JSON.stringify(canary)
  const inside = json.indexOf(quoted)
  for (const text of [
    canary,
    quoted.slice(0, -1),
    json.slice(0, -1),
    json.slice(0, inside + quoted.length - 3),
    json.slice(0, inside + 20),
    json.replace(quoted, () => canary),
    json.replace(quoted, () => quoted.replaceAll('"', "'")),
    json.replace(quoted, () => `${quoted}x`),
    json.replace(quoted, () => `x${quoted}`),
    json.replace(quoted, () => `"\\ud800${quoted.slice(1)}`),
    json.replace(quoted, () => `"\\x${quoted.slice(1)}`),
    json.replace('"K"', '"__proto__"'),
    `${'['.repeat(40)}${quoted}`,
    `${json}${json}`
  ]) yield [text]
  yield [Buffer.concat([Buffer.from(json), Buffer.from([0xff])])]
  yield [json, { 'content-type': 'text/plain' }]
  yield [json, {}]
  yield [`value=${encodeURIComponent(canary)}`, { 'content-type': 'application/x-www-form-urlencoded' }]
  yield [`--b\r\ncontent-disposition: form-data; name="value"\r\n\r\n${canary}\r\n--b--`, { 'content-type': 'multipart/form-data; boundary=b' }]
}
