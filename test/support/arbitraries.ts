import fc from 'fast-check'
import type { LightMyRequestResponse } from 'fastify'
import { contextBody, PATH } from './gateway.js'

export const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('', '*', '"', '""', 'W/"', '\\', '%', '%00', '%ff', '../..', '{}', '[', 'null', '__proto__', 'constructor', 'toString', '$ref', '\u0000', '\ud800', 'x'.repeat(2000))
)
// Without a backslash: `inject` itself takes that for a slash, and refuses the host behind two of them.
const literal = fc.stringMatching(/^[!-[\]-~]{0,12}$/)
const segment = fc.oneof(hostile.map(text => encodeURIComponent(text.toWellFormed())), literal, fc.constantFrom('v1', 'execution-contexts', 'apply', 'by-reference', 'docs', 'static', 'healthz', '.', '..'))
export const path = fc.oneof(
  fc.constantFrom(PATH, `${PATH}/`, `${PATH}/apply`, `${PATH}/batch-get`, `${PATH}/by-reference`, '/v1/audit-events', '/readyz'),
  segment.map(id => `${PATH}/${id}`),
  fc.tuple(segment, fc.constantFrom('audit', 'env', 'heartbeat')).map(([id, what]) => `${PATH}/${id}/${what}`),
  segment.map(id => `/v1/executions/${id}/execution-contexts`),
  fc.array(segment, { maxLength: 5 }).map(segments => `/${segments.join('/')}`)
)
const parameter = fc.tuple(fc.constantFrom('slug', 'kind', 'scope', 'org', 'version', 'version_message', 'view', 'run_token', 'page_size', 'page_token', 'context_id', 'execution_id', 'created_by', 'expires_before', 'label.team', 'label[team]', 'format', 'prefix', 'keys', '__proto__', 'x', ''), fc.oneof(segment, fc.constantFrom('my-run', 'execution_context', 'platform', 'latest', 'full', 'redacted', 'true', '1', 'MS4w')))
export const query = fc.oneof(fc.constant(''), fc.array(parameter, { maxLength: 4 }).map(parameters => `?${parameters.map(pair => pair.join('=')).join('&')}`), segment.map(text => `?${text}`))

// A header is ISO 8859-1 without control characters: Node sends no other.
const headerValue = fc.oneof(fc.stringMatching(/^[ -~\u00a0-\u00ff]{0,30}$/), fc.constantFrom('', '*', '"', 'W/"x"', '"x.1", *', 'application/json', 'application/json; charset=', 'text/html', '/', ';', '-1', '\t'))
export const headers = fc.dictionary(fc.constantFrom('content-type', 'idempotency-key', 'if-match', 'if-none-match', 'x-request-id', 'accept', 'accept-version', 'accept-encoding', 'cookie', 'range', 'x-http-method-override', 'forwarded', 'x-forwarded-for'), headerValue, { maxKeys: 4 })

const anyJson = fc.oneof({ depthSize: 'small' }, fc.jsonValue(), fc.object({ withNullPrototype: false, key: fc.constantFrom('metadata', 'spec', 'data', 'value', 'name', 'slug', '__proto__', 'constructor', 'toJSON', 'x') }))
/** A valid body with anything at all at some place of it. */
const damaged = fc.tuple(fc.constantFrom('metadata', 'spec', 'metadata.name', 'metadata.slug', 'metadata.labels', 'metadata.tags', 'spec.execution_id', 'spec.data', 'spec.data.REGION', 'spec.data.REGION.value'), anyJson).map(([place, value]) => {
  const body: Record<string, any> = structuredClone(contextBody())
  const steps = place.split('.')
  const last = steps.pop()!
  steps.reduce((object, step) => object[step], body)[last] = value
  return JSON.stringify(body)
})
const cut = fc.tuple(damaged, fc.nat(), hostile).map(([json, at, text]) =>
  json.slice(0, at % json.length) + text + json.slice(at % json.length))
export const body = fc.oneof(damaged, cut, anyJson.map(value => JSON.stringify(value) ?? ''), hostile, fc.uint8Array({ maxLength: 50 }).map(bytes => Buffer.from(bytes)))

/** Whether a response is a problem document. */
export function isProblem (response: LightMyRequestResponse): boolean {
  const { status, code, type, detail, request_id: id } = response.json()
  return response.headers['content-type'] === 'application/problem+json; charset=utf-8' &&
    status === response.statusCode && type === `urn:ectx:problem:${code}` && typeof detail === 'string' && id === response.headers['x-request-id']
}
