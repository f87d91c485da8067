import fc from 'fast-check'
import type { InjectOptions } from 'fastify'
import t from 'tap'
import { body, headers, hostile, isProblem, path, query } from '../support/arbitraries.js'
import { nearAddress } from '../support/addresses.js'
import { bearer, OPERATOR, VIEWER, withTokens } from '../support/callers.js'
import { contextBody, PATH, post, startGateway } from '../support/gateway.js'

// The same inputs each time; another seed looks elsewhere.
fc.configureGlobal({ seed: 20 })

// Whatever is sent to a gateway that asks for credentials, it answers, and never with what the caller may not have.

const SECRET = 's3cr3t'
/** Whether nobody need show anything for what is at `url`, which `inject` resolves. */
const isOpen = (url: string) => URL.canParse(url, 'http://localhost') && /^\/(docs|healthz|readyz)/.test(new URL(url, 'http://localhost').pathname)

const { app } = await startGateway(t, undefined, withTokens(t))
const create = async (slug: string) => (await post(app, contextBody({ metadata: { slug } }), `${PATH}?run_token=true`, bearer(OPERATOR))).json()
const { metadata: { id, slug }, status: { run_token: RUN } } = await create('my-run')
const { status: { run_token: OTHER_RUN } } = await create('other-run')

// Headers are ISO 8859-1 without control characters: Node sends no other.
const text = hostile.map(text => Buffer.from(text).toString('latin1').replaceAll(/[^ -~\u00a0-\u00ff]/g, ''))
const part = fc.oneof(fc.json().map(json => Buffer.from(json).toString('base64url')), fc.constant(''), text)
/** What was a credential until something in it changed. */
const changed = fc.tuple(fc.constantFrom(OPERATOR, VIEWER, RUN, OTHER_RUN), fc.nat(), fc.nat({ max: 3 }), fc.string({ unit: fc.constantFrom(...'ovx_-.=~ ,'), maxLength: 3 }))
  .map(([token, at, less, more]) => token.slice(0, at % token.length) + more + token.slice(at % token.length + less))
const token = fc.oneof(
  text,
  changed,
  fc.tuple(part, part, part).map(parts => parts.join('.')),
  fc.constantFrom(id, slug, 'exec-x').map(context => `ectx_run_${context}_${Buffer.alloc(32, 7).toString('base64url')}`)
)
const authorization = fc.tuple(fc.constantFrom('Bearer ', 'bearer  ', 'Basic ', 'Bearer', ''), token).map(parts => parts.join(''))
const GOOD = new RegExp(`^Bearer +(${[OPERATOR, VIEWER, RUN, OTHER_RUN].join('|')}) *$`, 'i')

/** Paths and queries of which many lead to the context that there is. */
const url = fc.tuple(
  fc.oneof(path, fc.constantFrom(`${PATH}/${id}`, `${PATH}/${id}/audit`)),
  fc.oneof(query, fc.constantFrom(`?slug=${slug}`, '?view=full', `?slug=${slug}&view=full`, '?run_token=true'))
).map(parts => parts.join(''))
const request: fc.Arbitrary<InjectOptions & { url: string, headers: Record<string, string> }> = fc.record({
  method: fc.constantFrom('GET', 'HEAD', 'POST', 'DELETE', 'PUT', 'OPTIONS') as fc.Arbitrary<'GET'>,
  url,
  headers: fc.tuple(headers, fc.boolean()).map(([some, isJson]) => isJson ? { ...some, 'content-type': 'application/json' } : some),
  payload: fc.option(body, { nil: undefined })
})

/**
 * Whether the answer to `options` is a success, or a whole problem that is not the gateway's own; and shows no secret.
 * Whoever is not `known` has no success, nor is told that its rights are too few.
 */
async function isSafe (options: InjectOptions, known: boolean, statuses: Set<number>) {
  const response = await app.inject({ ...options, remoteAddress: nearAddress() })
  statuses.add(response.statusCode)
  if (response.statusCode >= 500 || response.payload.includes(SECRET)) return false
  if (!known && (response.statusCode < 400 || response.statusCode === 403)) return false
  return response.statusCode < 400 || options.method === 'HEAD' || isProblem(response)
}

for (const [who, shown, expected] of [
  ['nobody', fc.constant(undefined), [400, 401, 404, 405]],
  ['who shows anything but a credential', authorization.filter(text => !GOOD.test(text)), [401, 404, 405]]
] as const) {
  t.test(`${who} is not let in, whatever is asked`, async t => {
    const statuses = new Set<number>()
    await fc.assert(fc.asyncProperty(request, shown, (options, authorization) => {
      const all = authorization === undefined ? options.headers : { ...options.headers, authorization }
      return isSafe({ ...options, headers: all }, isOpen(options.url), statuses)
    }), { numRuns: 500 })
    t.same(expected.filter(status => !statuses.has(status)), [], 'each kind of answer was among them')
  })
}

for (const [who, credential, expected] of [
  ['a viewer', VIEWER, [200, 400, 403, 404, 405]],
  ['the run of another context', OTHER_RUN, [400, 403, 404, 405]]
] as const) {
  t.test(`${who} sees no secret, whatever is asked`, async t => {
    const statuses = new Set<number>()
    await fc.assert(fc.asyncProperty(request, options =>
      isSafe({ ...options, headers: { ...options.headers, ...bearer(credential) } }, true, statuses)), { numRuns: 400 })
    t.same(expected.filter(status => !statuses.has(status)), [], 'each kind of answer was among them')
  })
}

t.test('and what was asked about is still there', async t => {
  const response = await app.inject({ url: `${PATH}/${id}`, headers: bearer(RUN) })
  t.equal(response.statusCode, 200)
  t.match(response.payload, SECRET)
})
