import t from 'tap'
import { createContext, PATH, startGateway } from '../../support/gateway.js'
import { assertProblem } from '../../support/problem.js'
import { engines } from '../../support/stores.js'

t.test('DELETE /v1/execution-contexts/{id}', async t => {
  const { app } = await startGateway(t)
  const remove = (id: string, headers: Record<string, string> = {}, payload?: string) =>
    app.inject({ method: 'DELETE', url: `${PATH}/${id}`, headers, payload })

  t.test('answers the context as it was; then it is gone under id and slug', async t => {
    const { id, slug, etag, context } = await createContext(app)
    const response = await remove(id)
    t.equal(response.statusCode, 200)
    t.equal(response.headers.etag, etag)
    t.equal(response.headers['content-type'], 'application/json; charset=utf-8')
    t.same(response.json(), context)
    for (const path of [id, `by-reference?slug=${slug}`]) assertProblem(t, await app.inject(`${PATH}/${path}`), { status: 404, code: 'not_found' })
    const { detail } = assertProblem(t, await remove(id), { status: 404, code: 'not_found' })
    t.equal(detail, `no ExecutionContext with id '${id}'`)
  })

  t.test('takes a version_message, and no other parameter', async t => {
    const { id } = await createContext(app)
    assertProblem(t, await remove(`${id}?force=true&versionMessage=x`), { status: 400, code: 'invalid_argument', pointers: ['/force', '/versionMessage'] })
    assertProblem(t, await remove(`${id}?version_message=${'x'.repeat(1025)}`), { status: 400, code: 'invalid_argument', pointers: ['/version_message'] })
    t.equal((await remove(`${id}?version_message=the%20run%20ended`)).statusCode, 200)
  })

  t.test('takes an empty body, whatever its content type', async t => {
    for (const type of ['application/json', 'application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x']) {
      const { id } = await createContext(app)
      t.equal((await remove(id, { 'content-type': type })).statusCode, 200, type)
      const { id: another } = await createContext(app)
      t.equal((await remove(another, { 'content-type': type, 'content-length': '0' })).statusCode, 200, `${type} of no length`)
    }
  })

  t.test('deletes where If-Match names the context', async t => {
    for (const make of [(etag: string) => etag, (etag: string) => `"other", ${etag}`, () => '*']) {
      const { id, etag } = await createContext(app)
      t.equal((await remove(id, { 'if-match': make(etag) })).statusCode, 200, make('ETAG'))
    }
  })

  t.test('is 412, and deletes nothing, where If-Match does not', async t => {
    const { id, etag } = await createContext(app)
    const { etag: another } = await createContext(app, 'another')
    for (const header of ['"other"', `W/${etag}`, `W/"other", W/${etag}`, another, ...['.2.', '.01.', '.1.0.', '.0x1.', '.'].map(revision => etag.replace('.1.', revision)), etag.replace('full', 'whole')]) {
      assertProblem(t, await remove(id, { 'if-match': header }), { status: 412, code: 'failed_precondition' }, header)
    }
    t.equal((await app.inject(`${PATH}/${id}`)).statusCode, 200)
    t.equal((await remove(id)).statusCode, 200)
  })

  t.test('is 400, and deletes nothing, where If-Match is no list of ETags, and says how to write one', async t => {
    const { id, etag } = await createContext(app, 'conditional')
    for (const header of ['', ' ', ',', etag.replaceAll('"', ''), etag.slice(1), etag.slice(0, -1), `*, ${etag}`, `${etag}, *`, `${etag}x`, `x ${etag}`, `${etag} ${etag}`, `${etag};q=1`, `w/${etag}`, '"a b"']) {
      const { errors } = assertProblem(t, await remove(id, { 'if-match': header }), { status: 400, code: 'invalid_argument', pointers: ['/If-Match'] }, header)
      t.equal(errors?.[0]?.detail, 'must be * or ETags as an answer gave them, in their quotation marks and with commas between them')
    }
    t.equal((await remove(id, { 'if-match': `, "é" ,\t${etag},` })).statusCode, 200)
  })

  t.test('is 404 for what is not there, whatever If-Match says', async t => {
    for (const header of ['*', '"other"']) assertProblem(t, await remove('exec-x', { 'if-match': header }), { status: 404, code: 'not_found' })
  })

  t.test('refuses a caller who is not on this machine', async t => {
    const { id } = await createContext(app, 'kept')
    const response = await app.inject({ method: 'DELETE', url: `${PATH}/${id}`, remoteAddress: '203.0.113.9' })
    const { detail } = assertProblem(t, response, { status: 401, code: 'unauthenticated' })
    t.match(detail, /this machine only/)
    t.equal((await app.inject(`${PATH}/${id}`)).statusCode, 200)
  })
})

for (const [engine, open] of Object.entries(engines)) {
  t.test(`fifty parallel deletes, on ${engine}: one succeeds`, async t => {
    const { app } = await startGateway(t, await open(t))
    const { id, etag, context } = await createContext(app)
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) =>
      app.inject({ method: 'DELETE', url: `${PATH}/${id}`, headers: index % 2 === 0 ? {} : { 'if-match': etag } })))
    const deleted = answers.filter(({ statusCode }) => statusCode === 200)
    t.equal(deleted.length, 1)
    t.same(deleted[0]!.json(), context)
    t.equal(answers.filter(({ statusCode }) => statusCode === 404).length, 49)
  })
}
