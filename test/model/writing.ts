import assert from 'node:assert/strict'
import fc from 'fast-check'
import { decodeTime } from 'ulid'
import { PATH } from '../support/gateway.js'
import { assertRefused, assertShows, etagOf, staleEtag, timeText, type View } from './answers.js'
import { by, callerOf, command, pick, refusalOf, UNKNOWN, views, which, type By, type Which } from './command.js'
import { bodyOf, contents, differing, durationOf, EXECUTIONS, leaseOf, secretsIn, ttlOf, type Content } from './content.js'
import type { Context, Creation, Model } from './model.js'
import { TOKENS, type Real } from './real.js'

// The commands that change what there is.

interface Sent extends Creation {
  readonly view?: View
  readonly wantsToken: boolean
}

async function send (model: Model, real: Real, sent: Sent): Promise<void> {
  const { content, path, by, key, view, wantsToken } = sent
  const response = await real.ask('POST', `${path === 'create' ? PATH : `${PATH}/apply`}?run_token=${wantsToken}${view ? `&view=${view}` : ''}`, {
    token: TOKENS[by],
    headers: key === undefined ? {} : { 'idempotency-key': key },
    body: bodyOf(content)
  })
  const assertMade = (context: Context, isReplayed: boolean) => {
    const token: string | undefined = response.json().status.run_token
    assert.equal(token !== undefined && !model.tokens.includes(token), wantsToken, 'a run token is new, and only where it is asked for')
    assertShows(response, 201, context, view ?? 'full', token)
    assert.equal(response.headers.location, `${PATH}/${context.id}`)
    assert.equal(response.headers['idempotent-replayed'], isReplayed ? 'true' : undefined)
    if (token !== undefined) model.entrust(context, token)
  }

  const call = key === undefined ? undefined : model.callOf(sent)
  if (call !== undefined) {
    const pointers = differing(bodyOf(content), bodyOf(call.creation.content))
    if (pointers.length > 0) return assertRefused(response, 'idempotency_key_reused', { pointers })
    if (!model.isLive(call.context)) return assertRefused(response, 'aborted')
    return assertMade(call.context, true)
  }
  if ((leaseOf(content) ?? 0) > ttlOf(content)) return assertRefused(response, 'invalid_argument', { pointers: ['/spec/lease'] })
  const holder = model.bySlug(content.slug)
  if (holder !== undefined) return assertRefused(response, 'already_exists', { existingId: holder.id })
  assert.equal(response.statusCode, 201, response.body)
  const { id } = response.json().metadata
  assert.match(id, /^exec-[0-9a-hjkmnp-tv-z]{26}$/)
  assert.equal(decodeTime(id.slice('exec-'.length).toUpperCase()), model.now)
  assert.ok(model.made.every(made => made.id !== id))
  assertMade(model.add(id, sent), false)
}

const creation = fc.record<Sent>({
  content: contents,
  path: fc.constantFrom('create', 'apply'),
  by: fc.constantFrom('runner', 'other'),
  key: fc.constantFrom(undefined, undefined, undefined, 'k1', 'k2'),
  view: views,
  wantsToken: fc.boolean()
})

export const create = creation.map(command('create', send))

/** So that there are several, with which lists have more than one page. */
export const createSeveral = fc.array(creation, { minLength: 3, maxLength: 5 }).map(command('create several', async (model, real, several) => {
  for (const sent of several) await send(model, real, sent)
}))

interface Again extends Pick<Sent, 'view' | 'wantsToken'> {
  readonly nth: number
  readonly changes: Partial<Content>
}

/** A call that was made before, with its key, in part with another content. */
export const retry = fc.record<Again>({
  nth: fc.nat(20),
  changes: fc.oneof({ arbitrary: fc.constant({}), weight: 3 }, { arbitrary: contents, weight: 1 }, {
    arbitrary: contents.map(({ ttl, team }) => ({ ttl, team })), weight: 1
  }),
  view: views,
  wantsToken: fc.boolean()
}).map(command('retry', (model, real, { nth, changes, ...more }) => {
  const first = model.named[nth % model.named.length]!
  return send(model, real, { ...first, content: { ...first.content, ...changes }, ...more })
}, ({ named }) => named.length > 0))

const heartbeat = async (model: Model, real: Real, { of, by }: { of: Which, by: By }) => {
  const target = pick(model, of)
  const id = target?.id ?? UNKNOWN
  const caller = callerOf(model, by, target)
  const response = await real.ask('POST', `${PATH}/${id}/heartbeat`, { token: caller.token })
  const refusal = refusalOf(caller, caller.own === target)
  if (refusal !== undefined) return assertRefused(response, refusal)
  if (target === undefined || !model.isLive(target)) return assertRefused(response, 'not_found')
  if (leaseOf(target.content) === undefined) return assertRefused(response, 'invalid_argument')
  model.renew(target)
  assert.deepEqual([response.statusCode, response.json()], [200, {
    lease_expire_time: timeText(target.end), expire_time: timeText(target.expireTime)
  }])
}

export const beat = fc.record({ of: which, by }).map(command('heartbeat', heartbeat))

interface Removal {
  readonly of: Which
  readonly by: By
  readonly view?: View
  readonly ifMatch?: 'its own' | 'any' | 'weak' | 'stale' | 'another'
}

/** The header, and whether it admits the context. */
function ifMatch (context: Context | undefined, wanted: Removal['ifMatch']): [headers: Record<string, string>, admits: boolean] {
  if (wanted === undefined) return [{}, true]
  const etag = etagOf(context ?? { id: UNKNOWN, versions: [] }, 'redacted')
  const header = {
    'its own': `"x", ${etag}`, any: '*', weak: `W/${etag}`, stale: staleEtag(etag), another: etag.replace(/exec-./, 'exec-z')
  }[wanted]
  return [{ 'if-match': header }, wanted === 'its own' || wanted === 'any']
}

export const remove = fc.record<Removal>({
  of: which,
  by,
  view: views,
  ifMatch: fc.constantFrom(undefined, undefined, 'its own', 'any', 'weak', 'stale', 'another')
}).map(command('delete', async (model, real, { of, by, view, ifMatch: wanted }) => {
  const target = pick(model, of)
  const caller = callerOf(model, by, target)
  const [headers, admits] = ifMatch(target, wanted)
  const response = await real.ask('DELETE', `${PATH}/${target?.id ?? UNKNOWN}${view ? `?view=${view}` : ''}`, { token: caller.token, headers })
  const refusal = refusalOf(caller, caller.own === target)
  if (refusal !== undefined) return assertRefused(response, refusal)
  if (target === undefined || !model.isLive(target)) return assertRefused(response, 'not_found')
  if (!admits) return assertRefused(response, 'failed_precondition')
  model.remove(target)
  assertShows(response, 200, target, view ?? 'full')
}))

export const removeOfExecution = fc.record({ executionId: fc.constantFrom(...EXECUTIONS), by }).map(command('delete of execution', async (
  model, real, { executionId, by }
) => {
  const caller = callerOf(model, by, undefined)
  const response = await real.ask('DELETE', `/v1/executions/${executionId}/execution-contexts`, { token: caller.token })
  const refusal = refusalOf(caller, false)
  if (refusal !== undefined) return assertRefused(response, refusal)
  const deleted = model.live.filter(({ content }) => content.executionId === executionId)
  for (const context of deleted) model.remove(context)
  assert.deepEqual([response.statusCode, response.json()], [200, { deleted: deleted.map(({ id }) => id) }])
}))

interface Rotation extends Omit<Removal, 'view'> {
  readonly view?: View
  /** Of which values new ones are sent: of all secrets, one, one that is open, one that is not there, or none. */
  readonly what: 'all' | 'one' | 'open' | 'unknown' | 'none'
  readonly value: string
  readonly message?: string
  readonly grace?: string
}

export const rotate = fc.record<Rotation>({
  of: which,
  by,
  view: views,
  ifMatch: fc.constantFrom(undefined, undefined, undefined, 'its own', 'any', 'weak', 'stale', 'another'),
  what: fc.constantFrom('all', 'all', 'one', 'one', 'open', 'unknown', 'none'),
  value: fc.constantFrom('n3w', 'n3w3r'),
  message: fc.constantFrom(undefined, 'leaked'),
  grace: fc.constantFrom(undefined, undefined, '0s', '1s', '60s', '604801s')
}).map(command('rotate', async (model, real, { of, by, view, ifMatch: wanted, what, value, message, grace }) => {
  const target = pick(model, of)
  const caller = callerOf(model, by, target)
  const secrets = target === undefined ? [] : secretsIn(target.content)
  const names = { all: secrets, one: secrets.slice(0, 1), open: ['REGION'], unknown: ['NONE'], none: [] }[what]
  const [headers, admits] = ifMatch(target, wanted)
  const data = Object.fromEntries(names.map(name => [name, { value }]))
  const body = { data, ...message !== undefined && { version_message: message }, ...grace !== undefined && { grace } }
  const response = await real.ask('POST', `${PATH}/${target?.id ?? UNKNOWN}/rotate${view ? `?view=${view}` : ''}`, {
    token: caller.token, headers, body
  })
  // What is no rotation at all is refused before anybody is asked for.
  if (names.length === 0) return assert.ok([400, 401, 403].includes(response.statusCode))
  const refusal = refusalOf(caller, false)
  if (refusal !== undefined) return assertRefused(response, refusal)
  if (target === undefined || !model.isLive(target)) return assertRefused(response, 'not_found')
  if (!admits) return assertRefused(response, 'failed_precondition')
  if (what === 'open' || what === 'unknown') return assertRefused(response, 'invalid_argument', { pointers: names.map(name => `/data/${name}`) })
  if (grace !== undefined && durationOf(grace) > ttlOf(target.content)) return assertRefused(response, 'invalid_argument', { pointers: ['/grace'] })
  assert.equal(response.statusCode, 200, response.body)
  const { id } = response.json().metadata.version
  assert.match(id, /^ver-[0-9a-hjkmnp-tv-z]{26}$/)
  const before = target.versions.at(-1)!
  assert.ok(target.versions.every(version => version.id !== id))
  const all = { ...before.secrets, ...Object.fromEntries(names.map(name => [name, value])) }
  const operator = by === 'other' ? 'other' : 'runner'
  model.rotate(target, { id, previous: before.id, message, by: operator, secrets: all }, grace === undefined ? 300_000 : durationOf(grace))
  assertShows(response, 200, target, view ?? 'full')
}))
