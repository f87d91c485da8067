import { join } from 'node:path'
import t, { type Test } from 'tap'
import { RingFile } from '../../src/engines/embedded/keys/ring-file.js'
import { MemoryStore } from '../../src/engines/memory/memory-store.js'
import { decodeBody, encodeBody } from '../../src/resource/sealed-body.js'
import { KeyRing } from '../../src/secrets/ring.js'
import { keyIdOf } from '../../src/secrets/seal.js'
import { createContext, contextBody, PATH, post, startGateway } from '../support/gateway.js'
import { assertProblem } from '../support/problem.js'
import { KIND } from '../support/records.js'

// The key's id stands behind the version, which is one byte.
const KEY_ID = { start: 1, end: 31 }

/** A gateway with two contexts, of which somebody tampers with the first. */
async function tampered (t: Test) {
  const store = new MemoryStore()
  const { app, lines, dataDir } = await startGateway(t, store)
  const [target, other] = [await createContext(app, 'target'), await createContext(app, 'other')]
  const recordOf = async (id: string) => (await store.find(KIND, id))!
  const record = await recordOf(target.id)
  const body = decodeBody(record)
  return {
    app,
    lines,
    dataDir,
    target,
    other,
    body: record.body,
    sealed: Buffer.from(body.sealedSecrets),
    sealedOf: async (id: string) => decodeBody(await recordOf(id)).sealedSecrets,
    /** Puts `bytes` where the record's body was. */
    putBody: (bytes: Uint8Array) => store.replace({ ...record, body: bytes }, 1),
    /** Puts `sealedSecrets` where the record's sealed part was. */
    put: (sealedSecrets: Uint8Array) => store.replace({ ...record, body: encodeBody({ ...body, sealedSecrets }) }, 1),
    reveal: (id: string) => app.inject(`${PATH}/${id}`)
  }
}

/** Asserts that what was done to the target is found out, hurts nobody else, and does not keep it from being deleted. */
async function assertFoundOut (t: Test, { app, lines, target, other, reveal }: Awaited<ReturnType<typeof tampered>>) {
  for (const url of [`${PATH}/${target.id}`, `${PATH}/by-reference?slug=target`]) {
    const response = await app.inject({ url, headers: { 'x-request-id': 'found-out' } })
    const { detail } = assertProblem(t, response, { status: 500, code: 'internal' })
    t.ok(detail.includes(`'${target.id}'`), 'the context is named')
    t.match(lines.find(line => line.request_id === 'found-out' && line.level === 'error'), { msg: 'request failed', err: { code: 'internal', message: detail } })
  }
  t.same((await reveal(other.id)).json(), other.context)
  const redacted = await app.inject(`${PATH}/${target.id}?view=redacted`)
  t.equal(redacted.statusCode, 200)
  const deleted = await app.inject({ method: 'DELETE', url: `${PATH}/${target.id}` })
  t.equal(deleted.statusCode, 200)
  t.same(deleted.json(), redacted.json())
  t.equal((await reveal(target.id)).statusCode, 404)
  t.notMatch(JSON.stringify(lines), /s3cr3t/)
}

t.test('of a record with any one byte changed, in the clear or sealed, nothing wrong is revealed', async t => {
  const { app, lines, body, sealed, putBody, reveal, target, other } = await tampered(t)
  const start = Buffer.from(body).indexOf(sealed)
  const wrong: string[] = []
  for (let at = 0; at < body.length; at++) {
    const changed = Buffer.from(body)
    changed[at]! ^= 1 << at % 8
    await putBody(changed)
    const response = await reveal(target.id)
    const place = at - start
    // A changed key id may well be the id of a key, though of none in the ring.
    const refusals = place >= KEY_ID.start && place < KEY_ID.end ? [500, 503] : [500]
    const isRefused = refusals.includes(response.statusCode) && response.json().detail.includes(response.statusCode === 500 ? target.id : 'key-')
    // protobuf reads over a changed wire type: then the text is the same.
    const isRight = (place < 0 || place >= sealed.length) && response.payload === JSON.stringify(target.context)
    if (!isRight && !isRefused) wrong.push(`byte ${at} (${place} of the sealed part): ${response.statusCode} ${response.payload}`)
  }
  t.same(wrong, [])
  t.ok(lines.filter(({ msg }) => msg === 'request failed').length >= body.length - 2, 'each is logged')
  t.same((await reveal(other.id)).json(), other.context)
  await putBody(body)
  t.same((await reveal(target.id)).json(), target.context)
  t.equal((await app.inject('/readyz')).statusCode, 200)
})

t.test('a sealed part that is cut short anywhere, or away, is found out', async t => {
  const gateway = await tampered(t)
  const opened: number[] = []
  for (let length = 1; length < gateway.sealed.length; length++) {
    await gateway.put(gateway.sealed.subarray(0, length))
    if ((await gateway.reveal(gateway.target.id)).statusCode !== 500) opened.push(length)
  }
  t.same(opened, [])
  await gateway.put(new Uint8Array())
  await assertFoundOut(t, gateway)
})

t.test("a sealed part that is another context's is found out", async t => {
  const gateway = await tampered(t)
  await gateway.put(await gateway.sealedOf(gateway.other.id))
  await assertFoundOut(t, gateway)
})

t.test('a sealed part that names another key of the ring is found out', async t => {
  const gateway = await tampered(t)
  const ring = await KeyRing.open({ store: new RingFile(join(gateway.dataDir, 'keyring.json')) })
  const { id } = await ring.rotate()
  const renamed = Buffer.from(gateway.sealed)
  renamed.write(id, KEY_ID.start, 'latin1')
  t.equal(keyIdOf(renamed), id)
  await gateway.put(renamed)
  await assertFoundOut(t, gateway)
})

t.test('a value that looks sealed is a secret like any other', async t => {
  const { app, sealedOf, sealed } = await tampered(t)
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
  const { app, sealedOf } = await tampered(t)
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
