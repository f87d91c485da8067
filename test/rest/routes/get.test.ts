import t from 'tap'
import { createContext, PATH, post, startGateway } from '../../support/gateway.js'
import { assertProblem } from '../../support/problem.js'

t.test('GET /v1/execution-contexts/{id}', async t => {
  const { app } = await startGateway(t)
  const { id, etag, context } = await createContext(app)

  t.test('answers the context as it was created', async t => {
    const response = await app.inject(`${PATH}/${id}`)
    t.equal(response.statusCode, 200)
    t.equal(response.headers['content-type'], 'application/json; charset=utf-8')
    t.equal(response.headers['cache-control'], 'no-store')
    t.equal(response.headers.etag, etag)
    t.same(response.json(), context)
  })

  t.test('says which id it did not find', async t => {
    for (const [path, id] of [['exec-nobody', 'exec-nobody'], ['a%2Fb', 'a/b'], ['x%00y', 'x\0y'], ['%C3%A9', 'é'], ['a;b=c', 'a;b=c'], ['x'.repeat(253), 'x'.repeat(253)]]) {
      const { detail } = assertProblem(t, await app.inject(`${PATH}/${path}`), { status: 404, code: 'not_found' })
      t.equal(detail, `no ExecutionContext with id '${id}'`)
    }
  })

  t.test('finds an id however its path is percent-encoded', async t => {
    t.equal((await app.inject(`${PATH}/${id.replace('-', '%2D')}`)).statusCode, 200)
  })

  t.test('finds no id by its beginning, and none in other case', async t => {
    for (const other of [id.slice(0, -1), id.toUpperCase(), `${id}x`]) {
      assertProblem(t, await app.inject(`${PATH}/${other}`), { status: 404, code: 'not_found' })
    }
  })

  t.test('refuses an id that is no id, and a path that cannot be decoded', async t => {
    assertProblem(t, await app.inject(`${PATH}/${'x'.repeat(254)}`), { status: 400, code: 'invalid_argument', pointers: ['/id'] })
    for (const path of ['x'.repeat(1025), '%', '%zz', '%ED%A0%80', '%ff']) {
      assertProblem(t, await app.inject(`${PATH}/${path}`), { status: 400, code: 'invalid_argument' }, path)
    }
  })

  t.test('takes no query parameter', async t => {
    assertProblem(t, await app.inject(`${PATH}/${id}?slug=x&_=1`), { status: 400, code: 'invalid_argument', pointers: ['/slug', '/_'] })
  })
})

t.test('GET /v1/execution-contexts/by-reference', async t => {
  const { app } = await startGateway(t)
  const url = `${PATH}/by-reference`
  const { context, etag } = await createContext(app)
  await post(app, { metadata: { name: 'owned', org: 'acme' }, spec: { execution_id: 'e' } })

  t.test('answers the context that has the slug', async t => {
    const response = await app.inject(`${url}?slug=my-run`)
    t.equal(response.statusCode, 200)
    t.equal(response.headers.etag, etag)
    t.equal(response.headers['cache-control'], 'no-store')
    t.same(response.json(), context)
  })

  t.test('takes every reference that fits', async t => {
    for (const more of [
      'kind=execution_context', 'kind=api_resource_kind_unknown', 'version=latest', 'version=v1.2_3-x',
      'scope=api_resource_owner_scope_unspecified', 'scope=platform', 'kind=execution_context&scope=organization&version=latest'
    ]) t.equal((await app.inject(`${url}?slug=my-run&${more}`)).statusCode, 200, more)
    t.equal((await app.inject(`${url}?slug=owned&org=acme`)).statusCode, 200)
    t.equal((await app.inject(`${url}?slug=owned`)).statusCode, 200)
  })

  t.test('says which slug it did not find', async t => {
    const { detail } = assertProblem(t, await app.inject(`${url}?slug=nobody`), { status: 404, code: 'not_found' })
    t.equal(detail, "no ExecutionContext with slug 'nobody'")
  })

  t.test('does not find a context of another org', async t => {
    for (const query of ['slug=owned&org=other', 'slug=my-run&org=acme']) {
      const { detail } = assertProblem(t, await app.inject(`${url}?${query}`), { status: 404, code: 'not_found' })
      t.match(detail, /^no ExecutionContext with slug '(owned|my-run)' in that org$/, 'nor repeats what may be anything')
    }
  })

  t.test('refuses another kind by name', async t => {
    for (const kind of ['agent', 'workflow_execution']) {
      const { errors } = assertProblem(t, await app.inject(`${url}?slug=my-run&kind=${kind}`), { status: 400, code: 'invalid_argument', pointers: ['/kind'] })
      t.match(errors?.[0]?.detail, 'kind mismatch')
    }
  })

  t.test('refuses a reference that is not valid', async t => {
    for (const [query, ...pointers] of [
      ['', '/slug'], ['slug=', '/slug'], ['slug', '/slug'], ['slug=My%20Run', '/slug'], ['slug=a&slug=b', '/slug'], ['slug=%ff', '/slug'],
      ['slug=x&kind=nonsense', '/kind'], ['slug=x&kind=', '/kind'], ['slug=x&kind=54', '/kind'], ['slug=x&scope=4', '/scope'], ['slug=x&scope=', '/scope'],
      ['slug=x&version=a%20b', '/version'], ['slug=x&version=a&version=b', '/version'], [`slug=x&org=${'x'.repeat(254)}`, '/org'],
      ['slug=x&ORG=y&__proto__=z', '/ORG', '/__proto__'], ['Slug=x&kind=x', '/Slug', '/slug', '/kind']
    ]) assertProblem(t, await app.inject(`${url}?${query}`), { status: 400, code: 'invalid_argument', pointers }, query)
  })
})

for (const path of ['{id}', 'by-reference']) {
  t.test(`GET ${path}`, async t => {
    const { app } = await startGateway(t)
    const { id, etag } = await createContext(app)
    const url = path === '{id}' ? `${PATH}/${id}` : `${PATH}/${path}?slug=my-run`

    t.test('is 304 where If-None-Match names the context', async t => {
      for (const header of [etag, `W/${etag}`, `"other", ${etag}`, `"other",W/${etag} , "more"`, '*', ' * ']) {
        const response = await app.inject({ url, headers: { 'if-none-match': header } })
        t.equal(response.statusCode, 304, header)
        t.equal(response.payload, '')
        t.equal(response.headers.etag, etag)
      }
    })

    t.test('is 200 where If-None-Match does not', async t => {
      for (const header of ['"other"', etag.toUpperCase(), 'W/"*"', '""', '"a,b" ,, "c"', etag.replace('.1.', '.01.'), etag.replace('.full', '.redacted'), etag.replace('exec', 'exe')]) {
        t.equal((await app.inject({ url, headers: { 'if-none-match': header } })).statusCode, 200, header)
      }
    })

    t.test('is 400 where If-None-Match is no list of ETags, and says how to write one', async t => {
      for (const header of [etag.slice(0, -1), etag.replaceAll('"', ''), '', ' ', ',', `*, ${etag}`, `${etag}, *`, '"*" *', `${etag}x`, `x${etag}`, `${etag} ${etag}`, `${etag};q=1`, `w/${etag}`, `W/ ${etag}`, '"a b"', "'x'"]) {
        const { errors } = assertProblem(t, await app.inject({ url, headers: { 'if-none-match': header } }), { status: 400, code: 'invalid_argument', pointers: ['/If-None-Match'] }, header)
        t.equal(errors?.[0]?.detail, 'must be * or ETags as an answer gave them, in their quotation marks and with commas between them')
      }
    })

    t.test('HEAD is 304 too, and the rest of what GET would be', async t => {
      const head = async (url: string, headers = {}) => (await app.inject({ method: 'HEAD', url, headers })).statusCode
      const ask = (method: 'HEAD' | 'GET') => app.inject({ method, url, headers: { 'if-none-match': etag } })
      const [held, got] = [await ask('HEAD'), await ask('GET')]
      const steady = ({ headers: { date, 'x-request-id': id, ...others } }: typeof held) => others
      t.equal(held.statusCode, 304)
      t.same(steady(held), steady(got))
      t.equal(await head(url, { 'if-none-match': '"other"' }), 200)
      t.equal(await head(url, { 'if-none-match': 'other' }), 400)
      t.equal(await head(url.replace(id, 'exec-x').replace('my-run', 'x')), 404)
    })

    t.test('is 404 for what is gone, whatever If-None-Match says', async t => {
      const missing = await app.inject({ url: url.replace(id, 'exec-x').replace('my-run', 'x'), headers: { 'if-none-match': '*' } })
      assertProblem(t, missing, { status: 404, code: 'not_found' })
    })

    t.test('HEAD answers the same headers and no body', async t => {
      const [get, head] = await Promise.all([app.inject(url), app.inject({ method: 'HEAD', url })])
      t.equal(head.statusCode, 200)
      t.equal(head.payload, '')
      for (const name of ['content-type', 'content-length', 'etag', 'cache-control']) t.equal(head.headers[name], get.headers[name], name)
    })

    t.test('refuses a caller who is not on this machine, found or not', async t => {
      for (const asked of [url, url.replace(id, 'exec-x').replace('my-run', 'x')]) {
        const { detail } = assertProblem(t, await app.inject({ url: asked, remoteAddress: '203.0.113.9' }), { status: 401, code: 'unauthenticated' })
        t.match(detail, /this machine only/)
      }
    })
  })
}
