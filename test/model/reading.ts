import assert from 'node:assert/strict'
import fc from 'fast-check'
import { PATH } from '../support/gateway.js'
import { assertRead, assertRefused, assertShows, etagOf, shown, staleEtag, timeText, type View } from './answers.js'
import { by, callerOf, command, pick, refusalOf, UNKNOWN, views, which, type By, type Caller, type Which } from './command.js'
import { environmentOf, EXECUTIONS, SLUGS, TEAMS } from './content.js'
import type { Context, Model } from './model.js'
import { TOKENS, type Real } from './real.js'

// The commands that change nothing.

interface Reading {
  readonly of: Which
  readonly bySlug: boolean
  readonly by: By
  readonly view?: View
  readonly held?: 'its own' | 'any' | 'another view' | 'another'
}

/** What a caller says that it has, and whether that is the view. */
function ifNoneMatch (target: Context | undefined, view: View, held: Reading['held']): [headers: Record<string, string>, isHeld: boolean] {
  if (held === undefined) return [{}, false]
  const other = view === 'full' ? 'redacted' : 'full'
  const etag = etagOf(target ?? { id: UNKNOWN, versions: [] }, held === 'another view' ? other : view)
  const header = { 'its own': `"x", W/${etag}`, any: '*', 'another view': etag, another: staleEtag(etag) }[held]
  return [{ 'if-none-match': header }, held === 'its own' || held === 'any']
}

export const get = fc.record<Reading>({
  of: which,
  bySlug: fc.boolean(),
  by,
  view: views,
  held: fc.constantFrom(undefined, undefined, undefined, 'its own', 'any', 'another view', 'another')
}).map(command('get', async (model, real, { of, bySlug, by, view: asked, held }) => {
  const meant = pick(model, of)
  const slug = meant?.content.slug ?? SLUGS[0]!
  const target = bySlug ? model.bySlug(slug) : meant
  const caller = callerOf(model, by, target ?? meant)
  const view = asked ?? (caller.role === 'viewer' ? 'redacted' : 'full')
  const [headers, isHeld] = ifNoneMatch(target, view, held)
  const query = [...bySlug ? [`slug=${slug}`] : [], ...asked ? [`view=${asked}`] : []].join('&')
  const response = await real.ask('GET', `${PATH}/${bySlug ? 'by-reference' : target?.id ?? UNKNOWN}?${query}`, { token: caller.token, headers })
  const refusal = refusalOf(caller, caller.own !== undefined && caller.own === target, view === 'redacted' ? ['viewer'] : [])
  if (refusal !== undefined) return assertRefused(response, refusal)
  if (target === undefined || !model.isLive(target)) return assertRefused(response, 'not_found')
  if (!isHeld) return assertShows(response, 200, target, view)
  assert.deepEqual([response.statusCode, response.body, response.headers.etag], [304, '', etagOf(target, view)])
}))

interface Listing {
  readonly executionId?: string
  /** Whether the execution is in the path. */
  readonly isOfExecution: boolean
  readonly team?: string
  readonly createdBy?: string
  /** Some milliseconds beside the end of a context. */
  readonly endsBefore?: { readonly of: Which, readonly off: number }
  readonly pageSize: number
  readonly by: By
}

const seldom = <T>(value: fc.Arbitrary<T>) => fc.oneof({ arbitrary: fc.constant(undefined), weight: 2 }, { arbitrary: value, weight: 1 })

export const list = fc.record<Listing>({
  executionId: seldom(fc.constantFrom(...EXECUTIONS)),
  isOfExecution: fc.boolean(),
  team: seldom(fc.constantFrom(...TEAMS)),
  createdBy: seldom(fc.constantFrom('runner', 'other', 'auditor')),
  endsBefore: seldom(fc.record({ of: which, off: fc.integer({ min: -1, max: 1 }) })),
  pageSize: fc.integer({ min: 1, max: 3 }),
  by
}).map(command('list', async (model, real, asked) => {
  const { executionId, isOfExecution, team, createdBy, endsBefore, pageSize, by } = asked
  const before = endsBefore && (pick(model, endsBefore.of)?.end ?? model.now) + endsBefore.off
  const caller = callerOf(model, by, model.live[0])
  const query = new URLSearchParams({ page_size: String(pageSize) })
  const inPath = isOfExecution && executionId !== undefined
  if (executionId !== undefined && !inPath) query.set('execution_id', executionId)
  if (team !== undefined) query.set('label.team', team)
  if (createdBy !== undefined) query.set('created_by', createdBy)
  if (before !== undefined) query.set('expires_before', timeText(before))
  const found = await walk(real, inPath ? `/v1/executions/${executionId}/execution-contexts` : PATH, query, caller)
  if (found === undefined) return assert.equal(caller.role, 'nobody')
  const expected = model.live.filter(context =>
    (caller.role !== 'run' || context === caller.own) &&
    (executionId === undefined || context.content.executionId === executionId) &&
    (team === undefined || context.content.team === team) &&
    (createdBy === undefined || context.creator === createdBy) &&
    (before === undefined || context.end < before))
  assert.deepEqual(found, expected.map(context => shown(context, 'redacted')))
}))

/** All pages of a list, one behind the other; `undefined` where the caller is nobody. */
async function walk (real: Real, path: string, query: URLSearchParams, { token, role }: Caller): Promise<object[] | undefined> {
  const found: object[] = []
  for (let pages = 0; ; pages++) {
    const response = await real.ask('GET', `${path}?${query}`, { token })
    if (role === 'nobody') {
      assertRefused(response, 'unauthenticated')
      return undefined
    }
    assert.equal(response.statusCode, 200, response.body)
    const { execution_contexts: page, next_page_token: next, ...more } = response.json()
    assert.deepEqual(more, {})
    assert.ok(page.length <= Number(query.get('page_size')) && pages < 100)
    found.push(...page)
    if (next === undefined) return found
    query.set('page_token', next)
  }
}

export const batchGet = fc.record({
  of: fc.array(fc.option(which, { nil: undefined }), { minLength: 1, maxLength: 5 }), view: views, by
}).map(command('batch-get', async (model, real, { of, view, by }) => {
  const meant = of.map(one => one && pick(model, one))
  const caller = callerOf(model, by, undefined)
  const body = { ids: meant.map(context => context?.id ?? UNKNOWN) }
  const response = await real.ask('POST', `${PATH}/batch-get${view ? `?view=${view}` : ''}`, { token: caller.token, body })
  const refusal = refusalOf(caller, false)
  if (refusal !== undefined) return assertRefused(response, refusal)
  const once = [...new Set(meant)]
  const isThere = (context: Context | undefined) => context !== undefined && model.isLive(context)
  assert.deepEqual([response.statusCode, response.json()], [200, {
    execution_contexts: once.filter(isThere).map(context => shown(context!, view ?? 'full')),
    not_found: once.filter(context => !isThere(context)).map(context => context?.id ?? UNKNOWN)
  }])
}))

export const env = fc.record({ of: which, by }).map(command('env', async (model, real, { of, by }) => {
  const target = pick(model, of)
  const caller = callerOf(model, by, target)
  const response = await real.ask('GET', `${PATH}/${target?.id ?? UNKNOWN}/env?format=json`, { token: caller.token })
  const refusal = refusalOf(caller, caller.own === target)
  if (refusal !== undefined) return assertRefused(response, refusal)
  if (target === undefined || !model.isLive(target)) return assertRefused(response, 'not_found')
  assert.deepEqual([response.statusCode, response.json()], [200, environmentOf(target.content, target.versions.at(-1)!.secrets)])
}))

/** A version that a context has or had, or none. */
export const getVersion = fc.record({ of: which, nth: fc.nat(3), by, view: views }).map(command('get version', async (
  model, real, { of, nth, by, view: asked }
) => {
  const target = pick(model, of)
  const version = target?.versions[nth]
  const caller = callerOf(model, by, target)
  const view = asked ?? (caller.role === 'viewer' ? 'redacted' : 'full')
  const query = `version=${version?.id ?? 'ver-none'}${asked ? `&view=${asked}` : ''}`
  const response = await real.ask('GET', `${PATH}/${target?.id ?? UNKNOWN}?${query}`, { token: caller.token })
  const refusal = refusalOf(caller, caller.own !== undefined && caller.own === target, view === 'redacted' ? ['viewer'] : [])
  if (refusal !== undefined) return assertRefused(response, refusal)
  if (target === undefined || !model.isLive(target)) return assertRefused(response, 'not_found')
  if (version === undefined || version.until <= model.now) return assertRefused(response, 'not_found')
  assert.deepEqual([response.statusCode, response.json()], [200, shown(target, view, undefined, version)])
  assert.equal(response.headers.etag, etagOf(target, view, nth + 1))
}))

/** All that was ever made, by id and by slug, and each run token that was ever given. */
export const lookAtAll = fc.constant(undefined).map(command('look at all', async (model: Model, real: Real) => {
  const read = (path: string) => real.ask('GET', `${PATH}/${path}view=redacted`, { token: TOKENS.auditor })
  for (const slug of SLUGS) assertRead(await read(`by-reference?slug=${slug}&`), model.bySlug(slug), 'redacted')
  for (const context of model.made) assertRead(await read(`${context.id}?`), model.isLive(context) ? context : undefined, 'redacted')
  for (const token of model.tokens) {
    const own = model.byToken(token)
    const response = await real.ask('GET', PATH, { token })
    if (own === undefined) assertRefused(response, 'unauthenticated')
    else assert.deepEqual(response.json(), { execution_contexts: [shown(own, 'redacted')] })
  }
}))
