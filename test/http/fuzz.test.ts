import fc from 'fast-check'
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { contextBody, createContext, PATH, startGateway } from '../support/gateway.js'

// The same inputs each time; another seed looks elsewhere.
fc.configureGlobal({ seed: 20 })

// Whatever is sent, the answer is a success or a whole problem document, and never the gateway's own fault.

const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('', '*', '"', '""', 'W/"', '\\', '%', '%00', '%ff', '../..', '{}', '[', 'null', '__proto__', 'constructor', 'toString', '$ref', '\u0000', '\ud800', 'x'.repeat(2000))
)
// Without a backslash: `inject` itself takes that for a slash, and refuses the host behind two of them.
const literal = fc.stringMatching(/^[!-[\]-~]{0,12}$/)
const segment = fc.oneof(hostile.map(text => encodeURIComponent(text.toWellFormed())), literal, fc.constantFrom('v1', 'execution-contexts', 'apply', 'by-reference', 'docs', 'static', 'healthz', '.', '..'))
const path = fc.oneof(
  fc.constantFrom(PATH, `${PATH}/`, `${PATH}/apply`, `${PATH}/by-reference`, '/readyz'),
  segment.map(id => `${PATH}/${id}`),
  fc.array(segment, { maxLength: 5 }).map(segments => `/${segments.join('/')}`)
)
const parameter = fc.tuple(fc.constantFrom('slug', 'kind', 'scope', 'org', 'version', 'version_message', '__proto__', 'x', ''), fc.oneof(segment, fc.constantFrom('my-run', 'execution_context', 'platform', 'latest')))
const query = fc.oneof(fc.constant(''), fc.array(parameter, { maxLength: 4 }).map(parameters => `?${parameters.map(pair => pair.join('=')).join('&')}`), segment.map(text => `?${text}`))

// A header is ISO 8859-1 without control characters: Node sends no other.
const headerValue = fc.oneof(fc.stringMatching(/^[ -~\u00a0-\u00ff]{0,30}$/), fc.constantFrom('', '*', '"', 'W/"x"', '"x.1", *', 'application/json', 'application/json; charset=', 'text/html', '/', ';', '-1', '\t'))
const headers = fc.dictionary(fc.constantFrom('content-type', 'if-match', 'if-none-match', 'x-request-id', 'accept', 'accept-version', 'accept-encoding', 'cookie', 'range', 'x-http-method-override', 'forwarded', 'x-forwarded-for'), headerValue, { maxKeys: 4 })

const anyJson = fc.oneof({ depthSize: 'small' }, fc.jsonValue(), fc.object({ withNullPrototype: false, key: fc.constantFrom('metadata', 'spec', 'data', 'value', 'name', 'slug', '__proto__', 'constructor', 'toJSON', 'x') }))
/** A valid body with anything at all at some place of it. */
const damaged = fc.tuple(fc.constantFrom('metadata', 'spec', 'metadata.name', 'metadata.slug', 'metadata.labels', 'metadata.tags', 'spec.execution_id', 'spec.data', 'spec.data.REGION', 'spec.data.REGION.value'), anyJson).map(([place, value]) => {
  const body: Record<string, any> = structuredClone(contextBody())
  const steps = place.split('.')
  const last = steps.pop()!
  steps.reduce((object, step) => object[step], body)[last] = value
  return JSON.stringify(body)
})
const cut = fc.tuple(damaged, fc.nat(), hostile).map(([json, at, text]) => json.slice(0, at % json.length) + text + json.slice(at % json.length))
const body = fc.oneof(damaged, cut, anyJson.map(value => JSON.stringify(value) ?? ''), hostile, fc.uint8Array({ maxLength: 50 }).map(bytes => Buffer.from(bytes)))

const request: fc.Arbitrary<InjectOptions> = fc.record({
  method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY', 'TRACE') as fc.Arbitrary<'GET'>,
  url: fc.tuple(path, query).map(parts => parts.join('')),
  headers,
  payload: fc.option(body, { nil: undefined })
})
/** What comes far enough for a body to be looked at. */
const creation: fc.Arbitrary<InjectOptions> = fc.record({
  method: fc.constant('POST'),
  url: fc.constantFrom(PATH, `${PATH}/apply`),
  headers: headers.map(others => ({ ...others, 'content-type': 'application/json' })),
  payload: body
})

function isProblem (response: LightMyRequestResponse): boolean {
  const { status, code, type, detail, request_id: id } = response.json()
  return response.headers['content-type'] === 'application/problem+json; charset=utf-8' &&
    status === response.statusCode && type === `urn:ectx:problem:${code}` && typeof detail === 'string' && id === response.headers['x-request-id']
}

for (const [name, requests, numRuns] of [['request', request, 400], ['body', creation, 400]] as const) {
  t.test(`no ${name} is answered with anything but a success or a problem`, async t => {
    const { app } = await startGateway(t)
    await createContext(app)
    const statuses = new Set<number>()
    await fc.assert(fc.asyncProperty(requests, async options => {
      const response = await app.inject(options)
      statuses.add(response.statusCode)
      if (response.statusCode >= 500) return false
      if (response.statusCode < 400) return true
      return options.method === 'HEAD' || isProblem(response)
    }), { numRuns })
    const expected = name === 'request' ? [200, 400, 404, 405] : [400, 409]
    t.same(expected.filter(status => !statuses.has(status)), [], 'each kind of answer was among them')
  })
}
