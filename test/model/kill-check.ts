import assert from 'node:assert/strict'
import { bearer } from '../support/callers.js'
import { CONTEXTS, patient } from '../support/http.js'
import { bodyOf, type Wish } from './kill-plan.js'
import { isOwnSlug, send, type Client } from './kill-work.js'

interface Context {
  readonly metadata: { readonly id: string, readonly slug: string, readonly labels: { readonly mark: string } }
  readonly spec: object
  readonly status: object
}

/**
 * That of a round that ended by a kill there is all that was answered, and of the rest all or nothing; and that who had no
 * answer to a request with a key has it made by sending it again, once.
 */
export async function assertKept (client: Client, wishes: readonly Wish[], round: string): Promise<void> {
  const byMark = new Map(wishes.map(wish => [wish.mark, wish]))
  const found = new Map<string, Context>()
  const slugs = new Set<string>()
  for (const context of await listed(client, round)) {
    const { id, slug, labels: { mark } } = context.metadata
    assert.ok(!found.has(mark) && !slugs.has(slug), `${mark} is there once, and alone under its slug`)
    found.set(mark, context)
    slugs.add(slug)
    const whole = await read(client, id)
    const { metadata, spec } = bodyOf(byMark.get(mark)!, round)
    assert.deepEqual([whole.metadata, whole.spec], [{ ...metadata, id, version: { id: id.replace('exec', 'ver') } }, withSecrecy(spec)], 'nothing is there by half')
    assert.deepEqual(await read(client, `by-reference?slug=${slug}`), whole)
  }
  for (const wish of wishes) await assertAnswered(client, wish, found.get(wish.mark))
  for (const wish of wishes) if (wish.hasKey) await assertMadeOnce(client, wish, round, found.get(wish.mark))
}

/** That what was answered about the wish is so. */
async function assertAnswered (client: Client, wish: Wish, found: Context | undefined): Promise<void> {
  const { mark, made, unanswered, tokens, unansweredTokens } = wish
  if (made === undefined) return assert.ok(found === undefined || unanswered > 0, `${mark} was never made`)
  const byId = await patient(() => client.get(`${CONTEXTS}/${made.id}`))
  assert.equal(byId.status, found === undefined ? 404 : 200)
  if (found === undefined) return assert.ok(made.deletions > 0, `${mark} is gone`)
  assert.ok(!made.isDeleted, `${mark} is there again`)
  assert.deepEqual(JSON.parse(byId.text), made.context)
  if (made.keptUntil !== undefined) {
    assert.deepEqual(await listed(client, mark, `label.mark=${mark}&expires_before=${made.keptUntil}`), [], 'a heartbeat counts')
  }
  const opened = await Promise.all(tokens.map(token => client.send('GET', `${CONTEXTS}/${made.id}`, { headers: bearer(token) })))
  const inForce = opened.filter(({ status }) => status === 200).length
  if (tokens.length > 0) assert.ok(inForce === 1 || (inForce === 0 && unansweredTokens > 0), `${inForce} run tokens of ${mark} are in force`)
}

/** That to send the wish again makes it where it was not made, and makes it once. */
async function assertMadeOnce (client: Client, wish: Wish, round: string, found: Context | undefined): Promise<void> {
  const before = found?.metadata.id
  if (before !== undefined) wish.made ??= { id: before, context: await read(client, before), deletions: 0, isDeleted: false }
  for (let time = 0; time < 2; time++) assert.ok(await send(client, wish, round, false))
  const now = (await listed(client, round, `label.mark=${wish.mark}`)).map(({ metadata }) => metadata.id)
  if (before !== undefined) return assert.deepEqual(now, [before])
  if (wish.made === undefined) return assert.ok(now.length === 0 && !isOwnSlug(wish), 'another has its slug')
  assert.deepEqual(now, wish.made.deletions === 0 ? [wish.made.id] : [])
}

/** All contexts of the round that also pass `filter`. */
async function listed (client: Client, round: string, filter = `label.round=${round}`): Promise<Context[]> {
  const all: Context[] = []
  for (let token = ''; ;) {
    const { text } = await patient(() => client.get(`${CONTEXTS}?${filter}&page_size=100${token}`))
    const { execution_contexts: page, next_page_token: next, damaged } = JSON.parse(text)
    assert.equal(damaged, undefined)
    all.push(...page)
    if (next === undefined) return all
    token = `&page_token=${next}`
  }
}

async function read (client: Client, path: string): Promise<Context> {
  const { status, text } = await patient(() => client.get(`${CONTEXTS}/${path}`))
  assert.equal(status, 200, text)
  return JSON.parse(text)
}

/** As it is shown, where it is always said whether a value is a secret. */
const withSecrecy = (spec: ReturnType<typeof bodyOf>['spec']) =>
  ({ ...spec, data: { ...spec.data, VALUE: { ...spec.data.VALUE, is_secret: false } } })
