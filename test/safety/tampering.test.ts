import { createHash } from 'node:crypto'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { RingFile } from '../../src/engines/embedded/keys/ring-file.js'
import { MemoryStore } from '../../src/engines/memory/memory-store.js'
import { IDEMPOTENCY_KIND } from '../../src/resource/idempotency.js'
import { decodeBody, encodeClear, type Body } from '../../src/resource/body-codec.js'
import { KeyRing } from '../../src/secrets/ring.js'
import { keyIdOf } from '../../src/secrets/seal.js'
import type { StoredRecord } from '../../src/storage/store.js'
import { bearer, OPERATOR, withTokens } from '../support/callers.js'
import { createContext, contextBody, PATH, post, startGateway } from '../support/gateway.js'
import { assertProblem } from '../support/problem.js'
import { KIND } from '../support/records.js'

const encodeBody = ({ sealed, keyId, code, ...clear }: Body) => Buffer.concat([encodeClear(clear), sealed, Buffer.from(keyId), code])

// The key's id stands behind the version, which is one byte.
const KEY_ID = { start: 1, end: 31 }

/** A gateway with two contexts, of which somebody tampers with the first. */
async function tampered (t: Test, spec: object = contextBody().spec) {
  const store = new MemoryStore()
  const { app, lines, dataDir } = await startGateway(t, store, withTokens(t))
  const make = async (name: string) => {
    const { json } = await post(app, { metadata: { name, org: 'acme' }, spec }, `${PATH}?run_token=true`, bearer(OPERATOR))
    const { status: { run_token: token, ...status }, ...context } = json()
    return { id: context.metadata.id as string, token: token as string, context: { ...context, status } }
  }
  const [target, other] = [await make('target'), await make('other')]
  const recordOf = async (id: string) => (await store.find(KIND, id))!
  const record = await recordOf(target.id)
  const put = async (changed: StoredRecord) => {
    await store.remove(KIND, target.id)
    await store.insert(changed)
  }
  const body = decodeBody(record)
  return {
    app,
    lines,
    dataDir,
    target,
    other,
    record,
    body: record.body,
    sealed: Buffer.from(body.sealed),
    sealedOf: async (id: string) => decodeBody(await recordOf(id)).sealed,
    recordOf,
    /** Puts `changes` over the record. */
    put: (changes: Partial<StoredRecord>) => put({ ...record, ...changes }),
    /** Puts `changes` over what the record's body holds. */
    putBody: (changes: Partial<Body>) => put({ ...record, body: encodeBody({ ...body, ...changes }) }),
    read: (url: string, token = OPERATOR) => app.inject({ url, headers: { ...bearer(token), 'x-request-id': 'found-out' } }),
    remove: (id: string) => app.inject({ method: 'DELETE', url: `${PATH}/${id}`, headers: bearer(OPERATOR) })
  }
}
type Tampered = Awaited<ReturnType<typeof tampered>>

/** Asserts that what was done to the target is found out, hurts nobody else, and does not keep it from being deleted. */
async function assertFoundOut (t: Test, { app, lines, target, other, read, remove, recordOf }: Tampered) {
  const { slug } = await recordOf(target.id)
  for (const url of [`${PATH}/${target.id}`, `${PATH}/${target.id}?view=redacted`, `${PATH}/by-reference?slug=${slug ?? 'target'}`]) {
    const response = await read(url)
    if (response.statusCode === 404 && url.includes('by-reference')) continue
    const { detail } = assertProblem(t, response, { status: 500, code: 'internal' }, url)
    t.ok(detail.includes(`'${target.id}'`), 'the context is named')
    t.match(lines.find(line => line.request_id === 'found-out' && line.level === 'error'), { msg: 'request failed', err: { code: 'internal' } })
  }
  const byToken = await read(`${PATH}/${target.id}`, target.token)
  t.ok([401, 500].includes(byToken.statusCode), 'nor does its run token open it')
  t.notMatch(byToken.payload, /s3cr3t/)
  t.same((await read(`${PATH}/${other.id}`)).json(), other.context)
  t.same((await read(`${PATH}/${other.id}`, other.token)).json(), other.context)
  const { detail } = assertProblem(t, await remove(target.id), { status: 500, code: 'internal' })
  t.match(detail, /was deleted, and cannot be shown as it was/)
  t.equal((await read(`${PATH}/${target.id}`)).statusCode, 404)
  t.equal((await app.inject({ url: `${PATH}/${target.id}/audit`, headers: bearer(OPERATOR) })).json().events.at(-1).event, 'deleted')
  t.notMatch(JSON.stringify(lines), /s3cr3t/)
}

t.test('of a record with any one byte of its body changed nothing wrong is answered', async t => {
  const { lines, body, put, read, target, other } = await tampered(t)
  const wrong: string[] = []
  for (let at = 0; at < body.length; at++) {
    const changed = Buffer.from(body)
    changed[at]! ^= 1 << at % 8
    await put({ body: changed })
    for (const view of ['full', 'redacted']) {
      const response = await read(`${PATH}/${target.id}?view=${view}`)
      const isRefused = response.statusCode === 500 && response.json().detail.includes(target.id)
      if (!isRefused) wrong.push(`byte ${at}, ${view}: ${response.statusCode} ${response.payload}`)
    }
  }
  t.same(wrong, [])
  t.equal(lines.filter(({ msg }) => msg === 'request failed').length, 2 * body.length, 'each is logged')
  t.same((await read(`${PATH}/${other.id}`)).json(), other.context)
  await put({ body })
  t.same((await read(`${PATH}/${target.id}`)).json(), target.context)
})

const WITHOUT_SECRETS = { execution_id: 'wfx-1', data: { REGION: { value: 'x' } } }

const SPECS = { 'with secrets': contextBody().spec, 'without secrets': WITHOUT_SECRETS, 'with a lease': { ...WITHOUT_SECRETS, lease: '3600s' } }

for (const [what, spec] of Object.entries(SPECS)) {
  const fields: Record<string, (record: StoredRecord, other: StoredRecord) => Partial<StoredRecord>> = {
    slug: () => ({ slug: 'another' }),
    'no slug': () => ({ slug: undefined }),
    scope: () => ({ scope: 'acme' }),
    'an indexed value': () => ({ indexed: { execution_id: ['wfx-2'] } }),
    'one more indexed value': record => ({ indexed: { ...record.indexed, label: ['x'] } }),
    'no indexed value': () => ({ indexed: {} }),
    revision: () => ({ revision: 2 }),
    'the key that seals it': () => ({ sealedBy: `key-${'0'.repeat(26)}` }),
    'no key that seals it': () => ({ sealedBy: undefined }),
    "another's body": (_, other) => ({ body: other.body }),
    'when it ends': record => ({ expireTime: record.expireTime! - 1 }),
    "when it ends, by another's proof": (record, other) => ({ expireTime: record.expireTime! + 60_000, expireProof: other.expireProof })
  }
  for (const [field, change] of Object.entries(fields)) {
    t.test(`a record ${what} of which somebody changed ${field} is found out`, async t => {
      const gateway = await tampered(t, spec)
      await gateway.put(change(gateway.record, await gateway.recordOf(gateway.other.id)))
      await assertFoundOut(t, gateway)
    })
  }

  const parts: Record<string, (body: Body, token: string) => Partial<Body>> = {
    'the organization': ({ json }) => ({ json: json.replace('acme', 'evil') }),
    'a value': ({ json }) => ({ json: json.replace('"value":"', '"value":"y') }),
    'who made it': ({ json }) => ({ json: json.replaceAll('"runner"', '"nobody"') }),
    'the hash of the run token': (_, token) => ({ accessHash: createHash('sha256').update(token).digest() }),
    'that there is a run token': () => ({ accessHash: new Uint8Array() }),
    'the code that proves it': ({ code }) => ({ code: code.map(byte => byte ^ 1) })
  }
  for (const [part, change] of Object.entries(parts)) {
    t.test(`a record ${what} of whose body somebody changed ${part} is found out`, async t => {
      const gateway = await tampered(t, spec)
      await gateway.putBody(change(decodeBody(gateway.record), gateway.other.token))
      await assertFoundOut(t, gateway)
    })
  }
}

t.test("the hash of one's own token, written into the record of another, opens nothing", async t => {
  const gateway = await tampered(t)
  const forged = `ectx_run_${gateway.target.id}_${'A'.repeat(43)}`
  await gateway.putBody({ accessHash: createHash('sha256').update(forged).digest() })
  const response = await gateway.read(`${PATH}/${gateway.target.id}`, forged)
  assertProblem(t, response, { status: 500, code: 'internal' })
})

t.test('two records whose slugs were exchanged are found out, not answered for each other', async t => {
  const store = new MemoryStore()
  const { app } = await startGateway(t, store)
  const records = await Promise.all(['a', 'b'].map(async name => (await store.find(KIND, (await createContext(app, name)).id))!))
  for (const { id } of records) await store.remove(KIND, id)
  for (const [index, record] of records.entries()) await store.insert({ ...record, slug: records[1 - index]!.slug! })
  for (const slug of ['a', 'b']) {
    assertProblem(t, await app.inject(`${PATH}/by-reference?slug=${slug}`), { status: 500, code: 'internal' })
    assertProblem(t, await post(app, contextBody({ metadata: { name: slug } })), { status: 500, code: 'internal' })
  }
})

t.test('a sealed part that is cut short anywhere is found out', async t => {
  const gateway = await tampered(t)
  const opened: number[] = []
  for (let length = 1; length < gateway.sealed.length; length++) {
    await gateway.putBody({ sealed: gateway.sealed.subarray(0, length) })
    if ((await gateway.read(`${PATH}/${gateway.target.id}`)).statusCode !== 500) opened.push(length)
  }
  t.same(opened, [])
})

t.test('a sealed part that is gone is found out', async t => {
  const gateway = await tampered(t)
  await gateway.putBody({ sealed: new Uint8Array() })
  await assertFoundOut(t, gateway)
})

t.test("a sealed part that is another context's is found out", async t => {
  const gateway = await tampered(t)
  await gateway.putBody({ sealed: await gateway.sealedOf(gateway.other.id) })
  await assertFoundOut(t, gateway)
})

t.test('a sealed part that names another key of the ring is found out', async t => {
  const gateway = await tampered(t)
  const ring = await KeyRing.open({ store: new RingFile(join(gateway.dataDir, 'keyring.json')) })
  const { id } = await ring.rotate()
  const renamed = Buffer.from(gateway.sealed)
  renamed.write(id, KEY_ID.start, 'latin1')
  t.equal(keyIdOf(renamed), id)
  await gateway.put({ sealedBy: id, body: encodeBody({ ...decodeBody(gateway.record), sealed: renamed, keyId: id }) })
  await assertFoundOut(t, gateway)
})

async function plainGateway (t: Test) {
  const store = new MemoryStore()
  const { app } = await startGateway(t, store)
  return { app, sealedOf: async (id: string) => decodeBody((await store.find(KIND, id))!).sealed }
}

t.test('a value that looks sealed is a secret like any other', async t => {
  const { app, sealedOf } = await plainGateway(t)
  const sealed = Buffer.from(await sealedOf((await createContext(app, 'target')).id))
  const values = [sealed.toString('latin1'), sealed.toString('base64'), `\x01${sealed.subarray(KEY_ID.start, KEY_ID.end)}${'x'.repeat(60)}`]
  const data = Object.fromEntries(values.map((value, index) => [`V${index}`, { value, is_secret: true }]))
  const created = await post(app, contextBody({ metadata: { name: 'nested' }, spec: { execution_id: 'wfx-1', data } }))
  t.equal(created.statusCode, 201)
  const { metadata: { id }, spec } = created.json()
  t.same(spec.data, data)
  t.same((await app.inject(`${PATH}/${id}`)).json(), created.json())
  const stored = Buffer.from(await sealedOf(id))
  for (const value of values) t.notOk(stored.includes(value))
})

t.test('the same secrets look different at rest each time', async t => {
  const { app, sealedOf } = await plainGateway(t)
  const parts = new Set<string>()
  for (let index = 0; index < 20; index++) {
    const { id } = await createContext(app, 'same')
    const sealed = Buffer.from(await sealedOf(id))
    for (let at = KEY_ID.end; at + 16 <= sealed.length; at += 16) parts.add(sealed.toString('hex', at, at + 16))
    await app.inject({ method: 'DELETE', url: `${PATH}/${id}` })
  }
  const { id } = await createContext(app, 'same')
  t.equal(parts.size, 20 * Math.floor(((await sealedOf(id)).length - KEY_ID.end) / 16), 'no block is there twice')
})

t.test('what is kept of a call with an idempotency key is not believed either, where somebody changed it', async t => {
  const store = new MemoryStore()
  const { app } = await startGateway(t, store, withTokens(t))
  const send = (name: string) => post(app, contextBody({ metadata: { name } }), PATH, { ...bearer(OPERATOR), 'idempotency-key': name })
  const [first, second] = [(await send('first')).json().metadata.id, (await send('second')).json().metadata.id]
  const { records } = await store.page(IDEMPOTENCY_KIND, {}, undefined, 9)
  const [ofFirst, ofSecond] = [first, second].map(id => records.find(({ body }) => Buffer.from(body).includes(id))!)
  const led = Buffer.from(Buffer.from(ofFirst!.body).toString('latin1').replace(first, second), 'latin1')
  const changes: Record<string, Partial<StoredRecord>> = {
    'leads to another context': { body: led },
    'is that of another call': { body: ofSecond!.body },
    'is cut': { body: ofFirst!.body.subarray(0, -1) },
    'lives longer': { expireTime: ofFirst!.expireTime! + 1 },
    'names no key': { sealedBy: undefined }
  }
  for (const [name, change] of Object.entries(changes)) {
    await store.remove(IDEMPOTENCY_KIND, ofFirst!.id)
    await store.insert({ ...ofFirst!, ...change })
    assertProblem(t, await send('first'), { status: 500, code: 'internal' }, name)
  }
  await store.remove(IDEMPOTENCY_KIND, ofFirst!.id)
  await store.insert(ofFirst!)
  t.equal((await send('first')).json().metadata.id, first)
  t.equal((await store.page(KIND, {}, undefined, 9)).records.length, 2)
})
