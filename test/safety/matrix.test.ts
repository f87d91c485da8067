import { hash } from 'node:crypto'
import type { LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import { MemoryStore } from '../../src/engines/memory/memory-store.js'
import { farAddress, nearAddress } from '../support/addresses.js'
import { bearer, OPERATOR, VIEWER } from '../support/callers.js'
import { contextBody, PATH, post, startGateway } from '../support/gateway.js'
import { assertProblem } from '../support/problem.js'
import { CALLERS, closed, type Run } from './callers.js'

// What each caller gets, on its own context (that its run token is for), on another and on one that does not exist:
//   full      all of it; without secrets where that is asked for
//   redacted  all but secrets; 403 where they are asked for
//   no        403        nobody  401: it shows nothing
//   bad       401: its credentials are not valid    form  401: they are no bearer token
//   far       401: without credentials the gateway serves its own machine only
// To keep a context by heartbeats and to take its environment is for whom it is to delete it; to rotate its secrets, to delete all of an
// execution and to read a batch for whom it is to make one. A list shows all contexts without secrets, or the caller's own one.
// A gateway is open where it has no credentials configured.
const MATRIX = `
  caller                              | make   | read own | read other | delete own | delete other | audit  | list
  open: on this machine               | full   | full     | full       | full       | full         | full   | all
  open: on this machine, by IPv6      | full   | full     | full       | full       | full         | full   | all
  open: of another address            | far    | far      | far        | far        | far          | far    | far
  open: by another host name          | far    | far      | far        | far        | far          | far    | far
  open: X-Forwarded-For               | far    | far      | far        | far        | far          | far    | far
  open: Forwarded                     | far    | far      | far        | far        | far          | far    | far
  open: token                         | bad    | bad      | bad        | bad        | bad          | bad    | bad
  open: run token                     | no     | full     | no         | full       | no           | no     | own
  open: run token, of another address | no     | full     | no         | full       | no           | no     | own
  nothing                             | nobody | nobody   | nobody     | nobody     | nobody       | nobody | nobody
  nothing, of another address         | nobody | nobody   | nobody     | nobody     | nobody       | nobody | nobody
  wrong token                         | bad    | bad      | bad        | bad        | bad          | bad    | bad
  token by another scheme             | form   | form     | form       | form       | form         | form   | form
  expired token                       | bad    | bad      | bad        | bad        | bad          | bad    | bad
  operator                            | full   | full     | full       | full       | full         | full   | all
  viewer                              | no     | redacted | redacted   | no         | no           | no     | all
  JWT operator                        | full   | full     | full       | full       | full         | full   | all
  JWT viewer                          | no     | redacted | redacted   | no         | no           | no     | all
  JWT without a role                  | no     | no       | no         | no         | no           | no     | no
  JWT of another audience             | bad    | bad      | bad        | bad        | bad          | bad    | bad
  expired JWT                         | bad    | bad      | bad        | bad        | bad          | bad    | bad
  run token                           | no     | full     | no         | full       | no           | no     | own
  run token of a deleted context      | bad    | bad      | bad        | bad        | bad          | bad    | bad
  run token with another's id         | bad    | bad      | bad        | bad        | bad          | bad    | bad
`

type Permission = 'full' | 'redacted' | 'all' | 'own' | 'no' | 'nobody' | 'bad' | 'form' | 'far'
type Target = 'own' | 'other' | 'absent'
type View = 'full' | 'redacted' | undefined
type App = Awaited<ReturnType<typeof startGateway>>['app']

interface Made extends Run {
  /** As it is stored, by view. */
  readonly shown: Readonly<Record<'full' | 'redacted', object>>
}

let made = 0
const bodyFor = (slug: string) => contextBody({ metadata: { slug }, spec: { ...contextBody().spec, lease: '3600s' } })

/** Makes a context with a run token, as `headers` may. */
async function make (app: App, headers: Record<string, string>): Promise<Made> {
  const slug = `run-${++made}`
  const { metadata: { id }, status: { run_token: token, ...status } } = (await post(app, bodyFor(slug), `${PATH}?run_token=true`, headers)).json()
  return { id, slug, token, shown: { full: resource(id, slug, 'full', status), redacted: resource(id, slug, 'redacted', status) } }
}

const resource = (id: string, slug: string, view: 'full' | 'redacted', status: object) => ({
  api_version: 'agentic.stigmer.ai/v1',
  kind: 'ExecutionContext',
  metadata: { slug, id, version: { id: id.replace('exec', 'ver') } },
  spec: { execution_id: 'wfx-1', data: { REGION: { value: 'eu-central-1', is_secret: false }, TOKEN: view === 'full' ? { value: 's3cr3t', is_secret: true } : { is_secret: true } }, lease: '3600s' },
  status
})

const SENTENCE = {
  bad: 'the credentials are not valid; send "Authorization: Bearer <token>" with a token that is in force',
  form: 'the Authorization header is not of the form "Bearer <token>"; send it so, with a token that is in force',
  nobody: 'credentials are needed: send "Authorization: Bearer <token>" with a static token, a JWT or the run token of the context',
  far: 'without credentials the gateway serves this machine only: call it as 127.0.0.1 or localhost, not through a proxy and not from a page of another origin, or configure credentials'
}

/** Why `caller` may not do what others than operators may. */
const whyNot = (caller: string) => caller.includes('run token')
  ? 'a run token opens its own context alone'
  : caller.includes('viewer') ? 'operators may, and a run with its own token' : 'the credentials give no role'

/** The status, code and sentence that refuse `action` to those with `permission`; `undefined` where they may. */
function refusal (caller: string, permission: Permission, action: string, view: View, isForRuns = /^(get|delete) /.test(action)) {
  const unauthorized = (what: string, why: string) => ({ status: 403, code: 'permission_denied', detail: `unauthorized to ${what} (${why})` })
  switch (permission) {
    case 'full':
    case 'all':
    case 'own': return undefined
    case 'redacted': return view === 'full' ? unauthorized(`${action} with its secrets`, 'viewers see none: ask for view=redacted') : undefined
    case 'no': return unauthorized(action, isForRuns ? whyNot(caller) : 'operator-only action')
    default: return { status: 401, code: 'unauthenticated', detail: SENTENCE[permission] }
  }
}

/** Asserts that `response` is that problem, that it says nothing more, and how to log in where that would help. */
function assertRefused (
  t: Test,
  response: LightMyRequestResponse,
  { status, code, detail }: { status: number, code: string, detail: string },
  name: string
) {
  const problem = assertProblem(t, response, { status, code }, name)
  const { etag, location, 'www-authenticate': challenge } = response.headers
  t.strictSame({ detail: problem.detail, challenge, etag, location }, { detail, challenge: status === 401 ? 'Bearer realm="ectx"' : undefined, etag: undefined, location: undefined }, name)
  return problem
}

const [header, ...rows] = MATRIX.trim().split('\n').map(line => line.split('|').map(cell => cell.trim()))
const VIEWS: readonly View[] = [undefined, 'full', 'redacted']

for (const [caller = '', ...cells] of rows) {
  const permissions = Object.fromEntries(cells.map((cell, at) => [header![at + 1], cell as Permission]))
  const isOpen = caller.startsWith('open')
  const hasLost = caller === 'run token of a deleted context'

  t.test(caller, async t => {
    const { app } = await startGateway(t, new MemoryStore(), isOpen ? {} : closed(t))
    const operator: Record<string, string> = isOpen ? {} : bearer(OPERATOR)

    /** New contexts, and what sends a request as the caller. */
    const begin = async () => {
      const [own, other] = [await make(app, operator), await make(app, operator)]
      const absent = { ...other, id: 'exec-01k6z3v9c8m2n4p6q8r0s1t2v3', slug: 'nobody' }
      if (hasLost) await app.inject({ method: 'DELETE', url: `${PATH}/${own.id}`, headers: operator })
      const { headers, remoteAddress, isFar, name } = CALLERS[caller]!(own, other)
      const send = (method: 'GET' | 'HEAD' | 'POST' | 'DELETE', url: string, payload?: object) => app.inject({ method, url, headers, remoteAddress: remoteAddress ?? (isFar ? farAddress() : nearAddress()), payload })
      return { own, other, absent, name, send }
    }
    let stage = await begin()
    const permissionFor = (deed: 'read' | 'delete', target: Target) => permissions[`${deed} ${target === 'own' ? 'own' : 'other'}`]!
    const asked = (view: View) => view === undefined ? '' : `view=${view}`

    for (const operation of ['create', 'apply'] as const) {
      for (const view of VIEWS) {
        for (const slug of ['free', 'taken'] as const) {
          for (const runToken of [false, true]) {
            const name = `${operation} ${slug} ${asked(view)} ${runToken ? 'with' : 'without'} a run token`
            const { own, send, name: callerName } = stage
            const wanted = slug === 'taken' ? own.slug : `new-${++made}`
            const response = await send('POST', `${PATH}${operation === 'apply' ? '/apply' : ''}?run_token=${runToken}&${asked(view)}`, bodyFor(wanted))
            const refused = refusal(caller, permissions.make!, `${operation} Execution Context`, view)
            if (refused !== undefined) {
              assertRefused(t, response, refused, name)
              continue
            }
            if (slug === 'taken') {
              const { existing_id: existingId } = assertRefused(t, response, { status: 409, code: 'already_exists', detail: `ExecutionContext with slug '${wanted}' already exists` }, name)
              t.equal(existingId, own.id)
              continue
            }
            const { metadata: { id }, status: { run_token: token, ...status } } = response.json()
            t.equal(response.statusCode, 201, name)
            t.match(token, runToken ? new RegExp(`^ectx_run_${id}_[\\w-]{43}$`) : undefined, name)
            t.equal(status.audit.spec_audit.created_by.id, callerName)
            const expected = resource(id, wanted, view ?? 'full', status)
            t.same(response.json(), runToken ? { ...expected, status: { ...status, run_token: token } } : expected, name)
          }
        }
      }
    }

    for (const view of VIEWS) {
      for (const target of ['own', 'other', 'absent'] as const) {
        for (const operation of ['get', 'getByReference', 'delete'] as const) {
          const name = `${operation} ${target} ${asked(view)}`
          const { send, ...contexts } = stage
          const { id, slug, shown } = contexts[target]
          const url = operation === 'getByReference' ? `${PATH}/by-reference?slug=${slug}&${asked(view)}` : `${PATH}/${id}?${asked(view)}`
          const response = await send(operation === 'delete' ? 'DELETE' : 'GET', url)
          if (operation !== 'delete') t.equal((await send('HEAD', url)).statusCode, response.statusCode, `HEAD as ${name}`)

          const permission = permissionFor(operation === 'delete' ? 'delete' : 'read', target)
          const missing = { status: 404, code: 'not_found', detail: `no ExecutionContext with ${operation === 'getByReference' ? `slug '${slug}'` : `id '${id}'`}` }
          const refused = refusal(caller, permission, `${operation === 'delete' ? 'delete' : 'get'} Execution Context`, view) ?? (target === 'absent' ? missing : undefined)
          if (refused !== undefined) {
            assertRefused(t, response, refused, name)
          } else {
            t.equal(response.statusCode, 200, name)
            t.same(response.json(), shown[view ?? (permission === 'full' ? 'full' : 'redacted')], name)
          }
          if (operation === 'delete' && target !== 'absent') {
            const isGone = refused === undefined || (target === 'own' && hasLost)
            t.equal((await app.inject({ url: `${PATH}/${id}`, headers: operator })).statusCode, isGone ? 404 : 200, `${name}, and it is ${isGone ? 'gone' : 'still there'}`)
            if (refused === undefined) stage = await begin()
          }
        }
      }
    }

    for (const target of ['own', 'other', 'absent', undefined] as const) {
      const { send, ...contexts } = await begin()
      const response = await send('GET', target === undefined ? '/v1/audit-events' : `${PATH}/${contexts[target].id}/audit`)
      const refused = refusal(caller, permissions.audit!, 'list Audit Events', undefined)
      const name = `audit ${target ?? 'of all'}`
      if (refused !== undefined) {
        assertRefused(t, response, refused, name)
        continue
      }
      t.equal(response.statusCode, 200, name)
      const events: Array<{ event: string, context_id?: string }> = response.json().events
      if (target !== undefined) t.same(events.map(({ event, context_id: id }) => [event, id]), target === 'absent' ? [] : [['created', contexts[target].id]], name)
      else t.ok(events.length > 1, name)
    }

    for (const target of ['own', 'other', 'absent'] as const) {
      for (const [action, method, path] of [['heartbeat', 'POST', 'heartbeat'], ['export', 'GET', 'env']] as const) {
        const { send, ...contexts } = await begin()
        const { id } = contexts[target]
        const response = await send(method, `${PATH}/${id}/${path}`)
        const missing = { status: 404, code: 'not_found', detail: `no ExecutionContext with id '${id}'` }
        const refused = refusal(caller, permissionFor('delete', target), `${action} Execution Context`, undefined, true)
        const expected = refused ?? (target === 'absent' ? missing : undefined)
        if (expected !== undefined) assertRefused(t, response, expected, `${action} ${target}`)
        else t.match(response.json(), action === 'export' ? { TOKEN: 's3cr3t' } : { lease_expire_time: String, expire_time: String }, action)
      }
    }

    const { own, other, send } = await begin()
    const listed = await send('GET', `${PATH}?page_size=2`)
    const mayNotList = refusal(caller, permissions.list!, 'list Execution Context', undefined, true)
    if (mayNotList !== undefined) assertRefused(t, listed, mayNotList, 'list')
    else t.same(listed.json().execution_contexts, permissions.list === 'own' ? [own.shown.redacted] : newest(own, other), 'list')

    const mayNotRead = refusal(caller, permissions.make!, 'get Execution Context', undefined, false)
    const batch = await send('POST', `${PATH}/batch-get`, { ids: [own.id] })
    if (mayNotRead !== undefined) assertRefused(t, batch, mayNotRead, 'batch')
    else t.same(batch.json().execution_contexts, [own.shown.full])

    const rotated = await send('POST', `${PATH}/${own.id}/rotate`, { data: { TOKEN: { value: 's3cr3t-2' } } })
    const mayNotRotate = refusal(caller, permissions.make!, 'rotate Execution Context', undefined, false)
    if (mayNotRotate !== undefined) assertRefused(t, rotated, mayNotRotate, 'rotate')
    else t.match(rotated.json(), { metadata: { id: own.id }, spec: { data: { TOKEN: { value: 's3cr3t-2' } } } })

    const mayNotDelete = refusal(caller, permissions.make!, 'delete Execution Context', undefined, false)
    const deleted = await send('DELETE', '/v1/executions/wfx-1/execution-contexts')
    if (mayNotDelete !== undefined) assertRefused(t, deleted, mayNotDelete, 'delete all')
    else t.ok(deleted.json().deleted.includes(own.id))
    t.equal((await app.inject({ url: `${PATH}/${other.id}`, headers: operator })).statusCode, mayNotDelete === undefined ? 404 : 200)
  })
}

/** As a list shows the two that were made last. */
const newest = (...made: Made[]) => made.toSorted((a, b) => a.id < b.id ? 1 : -1).map(({ shown }) => shown.redacted)

t.test('the matrix speaks of every caller', async t => {
  t.same(rows.map(([caller]) => caller), Object.keys(CALLERS))
})

t.test('a run token is answered once, and only its hash is kept', async t => {
  const store = new MemoryStore()
  const { app } = await startGateway(t, store, closed(t))
  const operator = bearer(OPERATOR)
  for (const path of [PATH, `${PATH}/apply`]) {
    const body = bodyFor(`run-${++made}`)
    const created = await post(app, body, `${path}?run_token=true`, operator)
    const { metadata: { id, slug }, status: { run_token: token } } = created.json()
    const record = await store.find('execution_context', id)
    t.ok(Buffer.from(record!.body).includes(hash('sha256', token, 'buffer')), 'the hash is stored')
    t.notOk(Buffer.from(record!.body).includes(token.slice(-43)), 'and not the token')

    const asking = [`${PATH}/${id}`, `${PATH}/by-reference?slug=${slug}`, `${PATH}/${id}?view=redacted`].flatMap(url => [operator, bearer(token), bearer(VIEWER)].map(headers => app.inject({ url, headers })))
    const answers = [
      ...await Promise.all(asking),
      await post(app, body, `${path}?run_token=true`, operator),
      await app.inject({ method: 'DELETE', url: `${PATH}/${id}`, headers: bearer(token) }),
      await app.inject({ url: `${PATH}/${id}/audit`, headers: operator }),
      await app.inject({ url: '/v1/audit-events', headers: operator })
    ]
    for (const { headers, payload } of answers) t.notOk(`${JSON.stringify(headers)} ${payload}`.includes(token.slice(-43)))
    t.same(answers.map(({ statusCode }) => statusCode), [...asking.map(() => 200), 409, 200, 200, 200])
  }
})

t.test('a run token does not open what took the slug of its context', async t => {
  const { app } = await startGateway(t, new MemoryStore(), closed(t))
  const operator = bearer(OPERATOR)
  const first = await make(app, operator)
  await app.inject({ method: 'DELETE', url: `${PATH}/${first.id}`, headers: operator })
  const second = await post(app, bodyFor(first.slug), `${PATH}?run_token=true`, operator)
  const url = `${PATH}/by-reference?slug=${first.slug}`
  assertRefused(t, await app.inject({ url, headers: bearer(first.token) }), { status: 401, code: 'unauthenticated', detail: SENTENCE.bad }, 'the old token')
  t.equal((await app.inject({ url, headers: bearer(second.json().status.run_token) })).statusCode, 200, 'the new one does')
})

t.test('nor what takes it while it is looked up', async t => {
  const store = new MemoryStore()
  const { app } = await startGateway(t, store, closed(t))
  const operator = bearer(OPERATOR)
  const first = await make(app, operator)
  const findBySlug = store.findBySlug.bind(store)
  store.findBySlug = async (kind, scope, slug) => {
    store.findBySlug = findBySlug
    await app.inject({ method: 'DELETE', url: `${PATH}/${first.id}`, headers: operator })
    await post(app, bodyFor(first.slug), PATH, operator)
    return findBySlug(kind, scope, slug)
  }
  const response = await app.inject({ url: `${PATH}/by-reference?slug=${first.slug}`, headers: bearer(first.token) })
  assertRefused(t, response, { status: 409, code: 'aborted', detail: 'it was replaced meanwhile; try again' }, 'the old token')
})
