import assert from 'node:assert/strict'
import { CONTEXTS, patient, type createClient } from '../support/http.js'
import { bodyOf, type Deed, type Made, type Plan, type Wish } from './kill-plan.js'

export type Client = ReturnType<typeof createClient>

/** Sends the wish. What is answered is noted in it, and is what it may be. Answers whether there was an answer. */
export async function send (client: Client, wish: Wish, round: string, wantsToken: boolean): Promise<boolean> {
  const headers = wish.hasKey ? { 'idempotency-key': wish.mark } : {}
  const path = `${CONTEXTS}?run_token=${wantsToken}`
  const wasMade = wish.made !== undefined
  const answer = await patient(() => client.send('POST', path, { body: bodyOf(wish, round), headers })).catch(() => undefined)
  if (answer === undefined) {
    wish.unanswered++
    if (wantsToken) wish.unansweredTokens++
    return false
  }
  const { status, text } = answer
  if (status === 409) {
    const { code } = JSON.parse(text)
    assert.ok(code === 'aborted' ? wish.made && wish.made.deletions > 0 : !isOwnSlug(wish), text)
    return true
  }
  assert.equal(status, 201, text)
  if (wasMade) assert.equal(answer.headers['idempotent-replayed'], 'true')
  const context = JSON.parse(text)
  const { run_token: token, ...rest } = context.status
  assert.equal(token !== undefined, wantsToken)
  if (token !== undefined) wish.tokens.push(token)
  const made: Made = { id: context.metadata.id, context: { ...context, status: rest }, deletions: 0, isDeleted: false }
  wish.made ??= made
  assert.deepEqual([made.id, made.context], [wish.made.id, wish.made.context], 'one key makes one context')
  return true
}

/** Whether no other has its slug. */
export const isOwnSlug = ({ mark, slug }: Wish): boolean => mark === slug

/** Does what the plan says until the gateway is killed. Answers all that was wished for, with what is known of it. */
export async function workUntilKilled (
  client: Client, { deeds, killedAfter }: Plan, round: string, kill: () => Promise<unknown>
): Promise<Wish[]> {
  const wishes: Wish[] = []
  let answers = 0
  let killing: Promise<unknown> | undefined
  const made = () => wishes.flatMap(({ made }) => made ?? [])

  /** Answers whether that was answered; `undefined` where there is nothing to do it to. */
  async function act (deed: Deed): Promise<boolean | undefined> {
    if (deed.do === 'make') {
      const mark = `${round}-${wishes.length}`
      const slug = deed.slug === undefined ? mark : `${round}-shared-${deed.slug}`
      const wish: Wish = { mark, slug, hasKey: deed.hasKey, hasLease: deed.hasLease, unanswered: 0, unansweredTokens: 0, tokens: [] }
      wishes.push(wish)
      return send(client, wish, round, deed.wantsToken)
    }
    if (deed.do === 'make again') {
      const wish = nthOf(wishes.filter(({ hasKey }) => hasKey), deed.nth)
      return wish && send(client, wish, round, deed.wantsToken)
    }
    const context = nthOf(made(), deed.nth)
    return context && (deed.do === 'delete' ? remove(client, context) : beat(client, context))
  }

  await Promise.all(deeds.map(async own => {
    for (let turn = 0; killing === undefined; turn++) {
      const isAnswered = await act(own[turn % own.length]!)
      if (isAnswered === false) return
      if (isAnswered && ++answers === killedAfter) killing = kill()
    }
  }))
  await killing
  return wishes
}

const nthOf = <T>(all: readonly T[], nth: number): T | undefined => all[nth % all.length]

async function remove (client: Client, context: Made): Promise<boolean> {
  context.deletions++
  const answer = await patient(() => client.send('DELETE', `${CONTEXTS}/${context.id}`)).catch(() => undefined)
  if (answer === undefined) return false
  assert.ok(answer.status === 200 || (answer.status === 404 && context.deletions > 1), answer.text)
  context.isDeleted = true
  return true
}

async function beat (client: Client, context: Made): Promise<boolean> {
  const answer = await patient(() => client.send('POST', `${CONTEXTS}/${context.id}/heartbeat`)).catch(() => undefined)
  if (answer === undefined) return false
  const { lease_expire_time: end = '', code } = JSON.parse(answer.text)
  if (answer.status === 200) context.keptUntil = [context.keptUntil ?? '', end].sort()[1]
  else if (code === 'not_found') assert.ok(context.deletions > 0)
  else assert.ok(code === 'invalid_argument' && !('lease' in (context.context as { spec: object }).spec), answer.text)
  return true
}
