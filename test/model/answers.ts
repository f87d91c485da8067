import assert from 'node:assert/strict'
import type { LightMyRequestResponse } from 'fastify'
import { PATH } from '../support/gateway.js'
import { shownData, withoutAbsent } from './content.js'
import type { Context, Model } from './model.js'
import type { Real } from './real.js'

// What is answered, as the model has it.

export type View = 'full' | 'redacted'

/** What an answer shows of the context, as it is or as it was in that version. */
export function shown (context: Context, view: View, token?: string, version = context.versions.at(-1)!) {
  const { id, content, creator, createTime, expireTime, versions } = context
  const { slug, isNamed, executionId, team, ttl, lease } = content
  const [by, at] = [{ id: creator }, timeText(createTime)]
  const made = { created_by: by, created_at: at, updated_by: by, updated_at: at, event: 'created' }
  const isFirst = version === versions[0]
  const audit = isFirst ? made : { ...made, updated_by: { id: version.by }, updated_at: timeText(version.time), event: 'rotated' }
  const { id: versionId, message, previous } = version
  return withoutAbsent({
    api_version: 'agentic.stigmer.ai/v1',
    kind: 'ExecutionContext',
    metadata: { name: isNamed ? slug.replace('run-', 'Run ') : undefined, slug, id, version: { id: versionId, message, previous_version_id: previous }, labels: team && { team } },
    spec: { execution_id: executionId, data: shownData(content, view === 'full', version.secrets), ttl, lease },
    status: { audit: { spec_audit: audit, status_audit: made }, expire_time: timeText(expireTime), run_token: token }
  })
}

/** Of a context, and of its nth version. */
export const etagOf = ({ id, versions }: Pick<Context, 'id' | 'versions'>, view: View, nth = versions.length) => `"${id}.${nth}.${view}"`

/** Of the same, but another version. */
export const staleEtag = (etag: string) => etag.replace(/\.(\d+)\./, (_, nth) => `.${Number(nth) + 1}.`)

export const timeText = (time: number) => new Date(time).toISOString()

/** That whoever looks sees exactly the live ones, newest first, and no other. */
export async function assertAgrees (model: Model, real: Real): Promise<void> {
  const { live } = model
  const response = await real.ask('GET', PATH)
  assert.deepEqual(response.json(), { execution_contexts: live.map(context => shown(context, 'redacted')) })
  const slugs = live.map(({ content }) => content.slug)
  assert.deepEqual(slugs, [...new Set(slugs)], 'no two have one slug')
  await real.follower.assertKnows(model, real)
}

/** That the answer shows that, or says that there is no such. */
export function assertRead (response: LightMyRequestResponse, context: Context | undefined, view: View): void {
  if (context === undefined) return assertRefused(response, 'not_found')
  assertShows(response, 200, context, view)
}

/** That the answer shows exactly that. */
export function assertShows (response: LightMyRequestResponse, status: number, context: Context, view: View, token?: string): void {
  assert.deepEqual([response.statusCode, response.json()], [status, shown(context, view, token)])
  assert.equal(response.headers.etag, etagOf(context, view))
}

const STATUSES = {
  invalid_argument: 400,
  unauthenticated: 401,
  permission_denied: 403,
  not_found: 404,
  already_exists: 409,
  aborted: 409,
  failed_precondition: 412,
  idempotency_key_reused: 422
}

export type Code = keyof typeof STATUSES

/** That the answer is that refusal, which names exactly those `pointers`, and no context but `existingId`. */
export function assertRefused (
  response: LightMyRequestResponse, code: Code, { pointers, existingId }: { pointers?: readonly string[], existingId?: string } = {}
): void {
  const { status, code: told, errors, existing_id: existing } = response.json()
  assert.deepEqual(
    [response.statusCode, status, told, errors?.map(({ pointer }: { pointer: string }) => pointer).sort(), existing],
    [STATUSES[code], STATUSES[code], code, pointers, existingId]
  )
}
