import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { bearer, OPERATOR, VIEWER, withTokens } from '../support/callers.js'
import { newDataDir } from '../support/data-dir.js'
import { contextBody, PATH } from '../support/gateway.js'
import { createClient } from '../support/http.js'
import { startProcess } from '../support/process.js'
import { asks, credentialAsks, OPERATIONS, type Ask } from './asks.js'
import { canaries, Sweep } from './canaries.js'

interface Answer {
  readonly status: number
  readonly headers: object
  readonly text: string
}
type Send = (ask: Ask) => Promise<Answer>

export const SECRETS = canaries('secret')
// Stored beside the secrets, but not as secrets: where these cannot be seen, it proves nothing that those cannot.
export const CONTROLS = canaries('control')
export const NAMES = Object.keys(SECRETS)

const dataOf = (values: typeof SECRETS, prefix: string, isSecret: boolean) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, { value, is_secret: isSecret }]))
const DATA = { ...dataOf(CONTROLS, 'CONTROL_', false), ...dataOf(SECRETS, 'SECRET_', true) }
const bodyOf = (slug: string) => JSON.stringify({ metadata: { slug }, spec: { execution_id: 'wfx-1', data: DATA, lease: '3600s' } })
const redacted = { ...DATA, ...Object.fromEntries(NAMES.map(name => [`SECRET_${name}`, { is_secret: true }])) }

/** One user of a gateway, who looks at every answer that should hold no secret. */
export class Visitor {
  readonly leaks = new Set<string>()
  sent = 0

  constructor (readonly send: Send, readonly sweep: Sweep) {}

  /** Sends what reveals nothing. */
  async ask (ask: Ask): Promise<Answer> {
    const answer = await this.reveal(ask)
    const { instance, detail, ...rest } = ask.repeatsPath ? JSON.parse(answer.text) : {}
    const shown = this.sweep.find(`${JSON.stringify(answer.headers)} ${ask.repeatsPath ? JSON.stringify(rest) : answer.text}`)
    if (shown.length > 0) this.leaks.add(`${ask.method} ${ask.path.slice(0, 100)} answers ${answer.status} with ${shown.join(', ')}`)
    return answer
  }

  /** Sends what may be answered with secrets. */
  async reveal (ask: Ask): Promise<Answer> {
    this.sent++
    return this.send(ask)
  }
}

interface Made {
  readonly id: string
  readonly slug: string
  /** The run token. */
  readonly token: string
}

const operator = bearer(OPERATOR)
const json = (token: string) => ({ ...bearer(token), 'content-type': 'application/json' })
const dataIn = ({ text }: Answer) => JSON.parse(text).spec?.data

/** Does everything that can be done with contexts whose names begin with `prefix`; answers one that is left, and its run token. */
export async function doEverything (t: Test, visitor: Visitor, prefix: string): Promise<Made> {
  const made: Made[] = []
  for (const path of [PATH, `${PATH}/apply`]) {
    for (const view of ['full', 'redacted']) {
      const slug = `${prefix}-${made.length}`
      const ask = { method: 'POST', path: `${path}?run_token=true&view=${view}`, headers: json(OPERATOR), body: bodyOf(slug) }
      const created = await visitor.reveal(ask)
      const { metadata, status } = JSON.parse(created.text)
      t.same(dataIn(created), view === 'full' ? DATA : redacted, `a ${view} answer shows what was asked for`)
      if (view === 'redacted') t.same(visitor.sweep.find(created.text), [], 'and nothing more')
      visitor.sweep.add('the run token', status.run_token.slice(-43))
      made.push({ id: metadata.id, slug, token: status.run_token })
      for (const token of [OPERATOR, VIEWER]) t.not((await visitor.ask({ ...ask, headers: json(token) })).status, 201, 'it is there already')
    }
  }
  for (const { id, slug, token } of made) {
    for (const url of [`${PATH}/${id}?`, `${PATH}/by-reference?slug=${slug}&`]) {
      for (const shown of [OPERATOR, token]) t.same(dataIn(await visitor.reveal({ method: 'GET', path: url, headers: bearer(shown) })), DATA)
      for (const [shown, view, wanted] of [[OPERATOR, 'view=redacted', redacted], [token, 'view=redacted', redacted], [VIEWER, '', redacted], [VIEWER, 'view=full', undefined]] as const) {
        t.same(dataIn(await visitor.ask({ method: 'GET', path: url + view, headers: bearer(shown) })), wanted)
      }
      const etag = `"${id}.1.full"`
      t.equal((await visitor.ask({ method: 'GET', path: url, headers: { ...operator, 'if-none-match': etag } })).status, 304)
      await visitor.ask({ method: 'HEAD', path: url, headers: operator })
      await visitor.ask({ method: 'GET', path: `${url}org=other`, headers: operator })
      await visitor.ask({ method: 'GET', path: url })
    }
  }
  await shareEverything(t, visitor, made[0]!)
  await repeatEverything(t, visitor, `${prefix}-again`)
  const [first, second, kept, rotated] = made as [Made, Made, Made, Made]
  const secrets = Object.fromEntries(
    Object.entries(DATA).flatMap(([name, { value, is_secret: isSecret }]) => isSecret ? [[name, { value }]] : [])
  )
  const body = JSON.stringify({ data: secrets, version_message: 'new' })
  const rotation = { method: 'POST', path: `${PATH}/${rotated.id}/rotate`, headers: json(OPERATOR), body }
  const { metadata: { version } } = JSON.parse((await visitor.reveal(rotation)).text)
  for (const id of [version.id, version.previous_version_id]) {
    t.same(dataIn(await visitor.reveal({ method: 'GET', path: `${PATH}/${rotated.id}?version=${id}`, headers: operator })), DATA)
  }
  const removal = ({ id }: Made, view: string) => ({ method: 'DELETE', path: `${PATH}/${id}?view=${view}&version_message=${encodeURIComponent(SECRETS.PLAIN!)}`, headers: operator })
  t.equal((await visitor.ask({ ...removal(first, 'full'), headers: { ...operator, 'if-match': '"x"' } })).status, 412)
  t.same(dataIn(await visitor.reveal(removal(first, 'full'))), DATA)
  t.same(dataIn(await visitor.ask(removal(second, 'redacted'))), redacted)
  t.equal((await visitor.ask({ method: 'GET', path: `${PATH}/${first.id}`, headers: bearer(first.token) })).status, 401)
  for (const path of [`${PATH}/${first.id}/audit`, `${PATH}/${kept.id}/audit`, '/v1/audit-events?execution_id=wfx-1']) {
    t.ok(JSON.parse((await visitor.ask({ method: 'GET', path, headers: operator })).text).events.length > 0)
  }
  const accept = { accept: 'application/json' }
  const { next } = JSON.parse((await visitor.ask({ method: 'GET', path: '/v1/events', headers: { ...operator, ...accept } })).text)
  const all = next.replaceAll(/\d{16,}/g, (digits: string) => '0'.repeat(digits.length))
  for (const path of [`${PATH}/${first.id}/events`, `${PATH}/${kept.id}/events`, '/v1/events']) {
    const { text } = await visitor.ask({ method: 'GET', path: `${path}?after=${all}`, headers: { ...operator, ...accept } })
    t.ok(JSON.parse(text).events.length > 0)
  }
  for (const path of ['/healthz', '/readyz']) t.equal((await visitor.ask({ method: 'GET', path })).status, 200)
  return kept
}

/** Does what shows many contexts, or all values of one. */
async function shareEverything (t: Test, visitor: Visitor, { id, token }: Made) {
  const values = Object.fromEntries(Object.entries(DATA).map(([name, { value }]) => [name, value]))
  for (const shown of [OPERATOR, token]) {
    t.equal((await visitor.ask({ method: 'POST', path: `${PATH}/${id}/heartbeat`, headers: bearer(shown) })).status, 200)
    const { text } = await visitor.reveal({ method: 'GET', path: `${PATH}/${id}/env`, headers: bearer(shown) })
    t.same(JSON.parse(text), values)
  }
  for (const format of ['dotenv', 'shell', 'docker', 'github']) {
    await visitor.reveal({ method: 'GET', path: `${PATH}/${id}/env?format=${format}`, headers: operator })
    await visitor.ask({ method: 'GET', path: `${PATH}/${id}/env?format=${format}`, headers: bearer(VIEWER) })
  }
  t.equal((await visitor.ask({ method: 'GET', path: `${PATH}/${id}/env?format=docker&prefix=SECRET_LINES`, headers: operator })).status, 422)
  for (const shown of [OPERATOR, VIEWER, token]) {
    for (const path of [PATH, '/v1/executions/wfx-1/execution-contexts?page_size=1']) {
      const listed = JSON.parse((await visitor.ask({ method: 'GET', path, headers: bearer(shown) })).text).execution_contexts
      t.same(listed[0].spec.data, redacted)
    }
  }
  const batch = (view: string) => ({ method: 'POST', path: `${PATH}/batch-get?view=${view}`, headers: json(OPERATOR), body: JSON.stringify({ ids: [id] }) })
  t.same(JSON.parse((await visitor.reveal(batch('full'))).text).execution_contexts[0].spec.data, DATA)
  t.same(JSON.parse((await visitor.ask(batch('redacted'))).text).execution_contexts[0].spec.data, redacted)
}

/** Does what has an idempotency key, again and with something else. */
async function repeatEverything (t: Test, visitor: Visitor, slug: string) {
  const send = (body: string) => ({ method: 'POST', path: `${PATH}?run_token=true`, headers: { ...json(OPERATOR), 'idempotency-key': slug }, body })
  const whole = JSON.parse(bodyOf(slug))
  whole.spec.execution_id = slug
  for (let turn = 0; turn < 2; turn++) {
    const created = await visitor.reveal(send(JSON.stringify(whole)))
    t.same(dataIn(created), DATA)
    visitor.sweep.add('the run token', JSON.parse(created.text).status.run_token.slice(-43))
  }
  for (const name of NAMES) {
    const changed = structuredClone(whole)
    changed.spec.data[`SECRET_${name}`].value = SECRETS[name]!.replace(/.$/su, '!')
    const refused = await visitor.ask(send(JSON.stringify(changed)))
    t.equal(refused.status, 422)
    t.ok(refused.text.includes(`/spec/data/SECRET_${name}/value`))
  }
  const removal = { method: 'DELETE', path: `/v1/executions/${slug}/execution-contexts`, headers: operator }
  t.equal(JSON.parse((await visitor.ask(removal)).text).deleted.length, 1)
  t.equal((await visitor.ask(send(JSON.stringify(whole)))).status, 409)
}

/** Puts every secret where it does not belong. */
export async function misplaceEverything (t: Test, visitor: Visitor, slug: string) {
  const created = await visitor.ask({ method: 'POST', path: PATH, headers: json(OPERATOR), body: JSON.stringify(contextBody({ metadata: { slug } })) })
  const context = { id: JSON.parse(created.text).metadata.id, slug }
  const accepted = new Set<string>()
  for (const canary of Object.values(SECRETS)) {
    const all = [...asks(canary, context)]
    await atOnce(all, async ask => {
      const { status } = await visitor.ask({ ...ask, headers: { ...operator, ...ask.headers } })
      if (ask.method === 'POST' && status < 400) accepted.add(`${ask.path.slice(0, 100)} ${ask.body?.slice(0, 100)}`)
    })
    // Some of it also by those who may do little.
    const fourth = all.filter((_, at) => at % 4 === 0)
    await atOnce(fourth, (ask, at) => visitor.ask({ ...ask, headers: { ...at % 2 === 0 ? bearer(VIEWER) : {}, ...ask.headers } }))
  }
  for (const canary of Object.values(SECRETS)) await atOnce([...credentialAsks(canary, context)], ask => visitor.ask(ask))
  t.same([...accepted], [], 'nothing of it was taken')
}

/** Does `work` for each of `items`, for a few at a time. */
async function atOnce<T> (items: readonly T[], work: (item: T, at: number) => Promise<unknown>) {
  const entries = items.entries()
  await Promise.all(Array.from({ length: 16 }, async () => { for (const [at, item] of entries) await work(item, at) }))
}

/** The variables of a gateway that takes tokens, and would take JWTs. */
export function withCredentials (t: Test) {
  const keys = join(newDataDir(t), 'jwks.json')
  writeFileSync(keys, JSON.stringify({ keys: [] }))
  return { ...withTokens(t), ECTX_JWT_ISSUER: 'https://issuer.test', ECTX_JWT_AUDIENCE: 'ectx', ECTX_JWT_JWKS: keys }
}

const filesIn = (directory: string) => readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter(name => statSync(join(directory, name)).isFile())

/** What `sweep` finds in the files of `directory`, or in those of them that are `meant`. */
export const leaksIn = (directory: string, sweep: Sweep, meant: (name: string) => boolean = () => true) =>
  filesIn(directory).filter(meant).flatMap(name => sweep.find(readFileSync(join(directory, name))).map(found => `${name} holds ${found}`))

const inClear = NAMES.map(name => `${name} in clear`)

/** Whether those files of `directory` show every control: proof that a value in them would be seen. */
export function assertSees (t: Test, directory: string, meant: (name: string) => boolean) {
  const found = new Set(leaksIn(directory, new Sweep(CONTROLS), meant).map(leak => leak.split(' holds ')[1]))
  t.same(inClear.filter(name => !found.has(name)), [], 'what is in clear in the files is seen')
}

/** Where a gateway keeps what it keeps. */
interface Kept {
  readonly env: Readonly<Record<string, string>>
  /** What `sweep` finds there. */
  leaks (sweep: Sweep): string[] | Promise<string[]>
  /** Asserts that what is there in clear is seen, after `kill -9` and after an end in order. */
  assertSees (how: 'kill' | 'stop'): void | Promise<void>
}

/** Asserts that a secret which goes through a gateway is nowhere but in the answers that were asked for. */
export async function goThrough (t: Test, kept: Kept) {
  const env = { ...withCredentials(t), ...kept.env }
  const sweep = new Sweep({ ...SECRETS, 'the operator token': OPERATOR, 'the viewer token': VIEWER })
  const start = async () => {
    const gateway = await startProcess(t, { env: { ...env, ECTX_LOG_LEVEL: 'trace' } })
    const client = createClient(t, gateway.address, { isMany: true })
    const visitor = new Visitor(({ method, path, ...content }) => client.send(method, path, content), sweep)
    /** Resolves when every request is in the log: what waits to be written would be lost with the process. */
    const logged = async () => {
      while (gateway.lines.filter(({ msg }) => /request$/.test(String(msg))).length < visitor.sent) await new Promise(resolve => gateway.output.once('line', resolve))
    }
    const ended = async (how: 'stop' | 'kill') => {
      await logged()
      const { stderr } = await gateway[how]()
      client.agent.destroy()
      t.same([...visitor.leaks], [], 'no answer')
      t.same(sweep.find(gateway.lines.map(line => JSON.stringify(line)).join('\n')), [], 'no log line')
      t.equal(stderr, '')
      t.same(await kept.leaks(sweep), [], 'nothing that is kept')
    }
    return { ...gateway, visitor, ended }
  }

  const first = await start()
  const left = await doEverything(t, first.visitor, 'first')
  await misplaceEverything(t, first.visitor, 'misplaced')
  await first.ended('kill')
  await kept.assertSees('kill')
  for (const { id, path } of OPERATIONS) {
    const statuses = first.lines.filter(({ operation }) => operation === id).map(({ status }) => Number(status))
    t.ok(statuses.some(status => status < 300), `${id} has succeeded`)
    if (path.startsWith('/v1/')) t.ok(statuses.some(status => status >= 400), `${id} has failed`)
  }

  const second = await start()
  const ask = { method: 'GET', path: `${PATH}/${left.id}`, headers: bearer(left.token) }
  t.same(dataIn(await second.visitor.reveal(ask)), DATA, 'after kill -9 the secrets can still be had')
  await doEverything(t, second.visitor, 'second')
  t.equal((await second.visitor.ask({ ...ask, method: 'DELETE', path: `${ask.path}?view=redacted` })).status, 200)
  await second.ended('stop')
  await kept.assertSees('stop')

  // Recovery moves what was still in the database's log into its tables.
  const third = await start()
  t.equal((await third.visitor.ask({ ...ask, headers: operator })).status, 404)
  await third.ended('kill')
}
