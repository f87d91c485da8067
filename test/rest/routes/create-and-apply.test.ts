import t from 'tap'
import type { Problem } from '../../../schemas/problem.js'
import { contextBody, createContext, PATH, post, startGateway } from '../../support/gateway.js'
import { assertProblem } from '../../support/problem.js'
import { engines } from '../../support/stores.js'

const APPLY = `${PATH}/apply`
const ULID = /^exec-[0-9a-hjkmnp-tv-z]{26}$/

for (const url of [PATH, APPLY]) {
  t.test(`POST ${url}`, async t => {
    t.test('answers 201 with the whole resource', async t => {
      const { app } = await startGateway(t)
      const response = await post(app, {
        metadata: { name: 'My   Cool   Run', org: 'acme', labels: { team: 'data' }, annotations: { why: 'because' }, tags: ['a', 'b'] },
        spec: { execution_id: 'wfx-1', data: { REGION: { value: 'eu' }, 'file.name-x_1': { value: 's3cr3t', is_secret: true } } }
      }, url)
      t.equal(response.statusCode, 201)
      t.equal(response.headers['content-type'], 'application/json; charset=utf-8')
      t.equal(response.headers['cache-control'], 'no-store')
      const { metadata: { id, ...metadata }, status: { audit }, ...others } = response.json()
      t.match(id, ULID)
      t.equal(response.headers.location, `${PATH}/${id}`)
      t.match(response.headers.etag, /^"[^"]+"$/)
      t.same(metadata, {
        version: { id: `ver-${id.slice('exec-'.length)}` },
        name: 'My   Cool   Run',
        slug: 'my-cool-run',
        org: 'acme',
        labels: { team: 'data' },
        annotations: { why: 'because' },
        tags: ['a', 'b']
      })
      t.same(others, {
        api_version: 'agentic.stigmer.ai/v1',
        kind: 'ExecutionContext',
        spec: { execution_id: 'wfx-1', data: { REGION: { value: 'eu', is_secret: false }, 'file.name-x_1': { value: 's3cr3t', is_secret: true } } }
      })
      const { created_at: at } = audit.spec_audit
      t.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
      t.same(audit.spec_audit, { created_by: { id: 'system' }, created_at: at, updated_by: { id: 'system' }, updated_at: at, event: 'created' })
      t.same(audit.status_audit, audit.spec_audit)
    })

    t.test('Location leads to what was answered', async t => {
      const { app } = await startGateway(t)
      const created = await post(app, contextBody(), url)
      const read = await app.inject(String(created.headers.location))
      t.equal(read.payload, created.payload)
      t.equal(read.headers.etag, created.headers.etag)
    })

    t.test('keeps an explicit slug, takes api_version and kind, and needs no name and no data', async t => {
      const { app } = await startGateway(t)
      const response = await post(app, {
        api_version: 'agentic.stigmer.ai/v1',
        kind: 'ExecutionContext',
        metadata: { slug: 'my-slug', owner_scope: 'api_resource_owner_scope_unspecified' },
        spec: { execution_id: 'e' }
      }, url)
      t.equal(response.statusCode, 201)
      t.equal(response.json().metadata.slug, 'my-slug')
      t.same(response.json().spec, { execution_id: 'e' })
    })

    t.test('keeps data and labels whose names every object has', async t => {
      const { app } = await startGateway(t)
      const names = ['constructor', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__', 'isPrototypeOf']
      const data = Object.fromEntries(names.map(name => [name, { value: name, is_secret: false }]))
      const labels = Object.fromEntries(names.map(name => [name, name]))
      const response = await post(app, { metadata: { name: 'x', labels }, spec: { execution_id: 'e', data } }, url)
      t.equal(response.statusCode, 201)
      const read = (await app.inject(String(response.headers.location))).json()
      t.same(read.spec.data, data)
      t.same(read.metadata.labels, labels)
    })

    t.test('keeps text as it is sent, in every script', async t => {
      const { app } = await startGateway(t)
      const line = 'x "quoted" \\ / \u00a0 é e\u0301 你好 😀 👩‍💻 \u200fשלום\u200e مرحبا \ufeff \uffff'
      const lines = `line\n\ttab\r\n${line} \u2028\u2029\u202e`
      const value = `${lines} \u0000\u001b\u007f\u009b`
      const sent = {
        metadata: { name: line, org: line, labels: { [line]: line }, annotations: { [line]: lines }, tags: [line] },
        spec: { execution_id: line, data: { K: { value, is_secret: true } } }
      }
      const response = await post(app, sent, url)
      t.equal(response.statusCode, 201)
      const { slug, id, version, ...metadata } = response.json().metadata
      t.strictSame({ metadata, spec: response.json().spec }, sent)
      t.equal((await app.inject(`${PATH}/${id}`)).payload, response.payload)
    })

    t.test('refuses control characters in whatever stands in a line, and says what it may hold', async t => {
      const { app } = await startGateway(t)
      const oneLine = 'must be one line of text, without control and bidirectional formatting characters'
      const lines = 'must be text without control characters other than tabs and line ends'
      for (const char of ['\0', '\t', '\n', '\r', '\u001b', '\u001f', '\u007f', '\u0080', '\u0085', '\u009f', '\u2028', '\u2029', '\u202a', '\u202e', '\u2066', '\u2069']) {
        const text = `a${char}b`
        const metadata = { name: text, slug: text, org: text, labels: { [text]: 'x', b: text }, annotations: { [text]: 'x' }, tags: ['x', text] }
        const { errors } = assertProblem(t, await post(app, { metadata, spec: { execution_id: text, data: { [text]: { value: 'x' } } } }, url), {
          status: 400,
          code: 'invalid_argument',
          pointers: ['/metadata/name', '/metadata/slug', '/metadata/org', `/metadata/labels/${text}`, '/metadata/labels/b', `/metadata/annotations/${text}`, '/metadata/tags/1', '/spec/execution_id', `/spec/data/${text}`]
        })
        const details = errors!.filter(({ pointer }) => !/slug|data/.test(pointer)).map(({ detail }) => detail.replace(/^the key /, ''))
        t.same([...new Set(details)], [oneLine], `U+${char.charCodeAt(0).toString(16)}`)
      }
      for (const char of ['\0', '\b', '\v', '\f', '\u000e', '\u001f', '\u007f', '\u0080', '\u009f']) {
        const { errors } = assertProblem(t, await post(app, contextBody({ metadata: { name: 'x', annotations: { a: `a${char}b` } } }), url), { status: 400, code: 'invalid_argument', pointers: ['/metadata/annotations/a'] })
        t.equal(errors?.[0]?.detail, lines)
      }
    })

    t.test('refuses what JSON would lose, beside all else that is wrong, each at its place', async t => {
      const { app, lines } = await startGateway(t)
      const canary = 'c4n4ry'
      const body = `{
        "kind": "x", "metadata": { "name": "a", "tags": ["x", "\\ud800"], "labels": { "a": "1", "\\u0061": "2" }, "\\udfff": 1, "slug": "S" },
        "spec": { "data": { "K": { "value": "${canary}", "is_secret": true }, "\\u004b": { "value": "${canary}" }, "__proto__": { "value": "${canary}" }, "L": "${canary}" } },
        "spec\\ud83d": 1, "status": {}
      }`
      const response = await post(app, body, url)
      const { errors, detail } = assertProblem(t, response, {
        status: 400,
        code: 'invalid_argument',
        pointers: [
          '/metadata/tags/1', '/metadata/labels/a', '/metadata/\ufffd', '/spec/data/K', '/spec/data/__proto__', '/spec\ufffd',
          '/kind', '/metadata/slug', '/spec/execution_id', '/spec/data/L', '/status'
        ]
      })
      t.match(detail, /\(and 10 more\)$/)
      t.match(errors, [{ pointer: '/metadata/tags/1', detail: 'must not have half of a surrogate pair' }, { detail: 'is named more than once; name each field once' }])
      t.notMatch(response.payload, canary)
      t.notMatch(JSON.stringify(lines), canary)
      // Alone each is refused as well, and nothing is stored.
      for (const [from, to, pointer] of [
        ['"REGION"', '"TOKEN":{"value":"x","is_secret":true},"REGION"', '/spec/data/TOKEN'],
        ['"REGION"', '"__proto__":{"value":"x"},"REGION"', '/spec/data/__proto__'],
        ['eu-central-1', '\\ud800', '/spec/data/REGION/value'],
        ['"spec"', '"metadata":{},"spec"', '/metadata'],
        ['"metadata"', '"\\u006detadata":{"name":"other"},"metadata"', '/metadata'],
        ['"value":"s3cr3t"', '"value":"s3cr3t","is_secret":false', '/spec/data/TOKEN/is_secret']
      ] as const) {
        const json = JSON.stringify(contextBody()).replace(from, () => to)
        assertProblem(t, await post(app, json, url), { status: 400, code: 'invalid_argument', pointers: [pointer] }, to)
      }
      t.equal((await app.inject(`${PATH}/by-reference?slug=my-run`)).statusCode, 404)
      // Where no body is looked at, none that is ambiguous is taken either.
      assertProblem(t, await app.inject({ method: 'DELETE', url: `${PATH}/exec-x`, headers: { 'content-type': 'application/json' }, payload: '{"a":1,"a":"\\ud800"}' }), { status: 400, code: 'invalid_argument', pointers: ['/a'] })
    })

    t.test('points at a place by text that any client can read, however long a name is', async t => {
      const { app } = await startGateway(t)
      const long = '\\ud800~'.repeat(20_000)
      for (const body of [`{"${long}":1}`, `{"${long}":1,"${long}":2}`, `{"spec":{"data":{"${'x'.repeat(100_000)}":{"value":"x"}}}}`]) {
        const response = await post(app, body, url)
        t.equal(response.statusCode, 400)
        const { errors, detail }: Problem = response.json()
        t.ok(errors!.every(({ pointer }) => pointer.isWellFormed() && pointer.length <= 1025))
        t.ok(detail.isWellFormed() && detail.length < 1200)
      }
    })

    t.test('takes a byte order mark before the body, and no other than UTF-8', async t => {
      const { app } = await startGateway(t)
      const json = JSON.stringify(contextBody())
      t.equal((await post(app, `\ufeff${json}`, url)).statusCode, 201)
      for (const bytes of [Buffer.from(json, 'utf16le'), Buffer.from(`\ufeff${json}`, 'utf16le'), Buffer.from(`\ufeff${json}`, 'utf16le').swap16()]) {
        const { errors } = assertProblem(t, await app.inject({ method: 'POST', url, headers: { 'content-type': 'application/json' }, payload: bytes }), { status: 400, code: 'invalid_argument', pointers: [''] })
        t.equal(errors?.[0]?.detail, 'is UTF-16 or UTF-32; send it as UTF-8')
      }
    })

    t.test('refuses a slug that is taken, says by which context, and changes nothing', async t => {
      const { app } = await startGateway(t)
      const { id, context } = await createContext(app)
      for (const metadata of [{ name: 'my run' }, { slug: 'my-run' }]) {
        const problem = assertProblem(t, await post(app, { metadata, spec: { execution_id: 'another' } }, url), { status: 409, code: 'already_exists' })
        t.equal(problem.existing_id, id)
        t.match(problem.detail, "'my-run'")
      }
      t.same((await app.inject(`${PATH}/${id}`)).json(), context)
    })

    t.test('gives a slug again once its context is deleted', async t => {
      const { app } = await startGateway(t)
      const { id } = await createContext(app)
      await app.inject({ method: 'DELETE', url: `${PATH}/${id}` })
      const again = await post(app, contextBody(), url)
      t.equal(again.statusCode, 201)
      t.not(again.json().metadata.id, id)
    })

    t.test('refuses a caller who is not on this machine', async t => {
      const { app } = await startGateway(t)
      const response = await app.inject({ method: 'POST', url, payload: contextBody(), remoteAddress: '203.0.113.9' })
      const { detail } = assertProblem(t, response, { status: 401, code: 'unauthenticated' })
      t.match(detail, /this machine only/)
      t.ok(response.headers['www-authenticate'])
    })

    t.test('refuses bad input with all its violations', async t => {
      const { app } = await startGateway(t)
      const response = await post(app, {
        kind: 'x',
        metadata: { name: '!!!', owner_scope: 'platform', id: 'x' },
        spec: { data: { 'not valid': { value: '' } } },
        status: {}
      }, url)
      assertProblem(t, response, {
        status: 400,
        code: 'invalid_argument',
        pointers: [
          '/kind', '/metadata/name', '/metadata/owner_scope', '/metadata/id', '/spec/execution_id',
          '/spec/data/not valid', '/spec/data/not valid/value', '/status'
        ]
      })
    })

    t.test('takes what is just within the limits', async t => {
      const { app } = await startGateway(t)
      const many = (count: number, value: unknown) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, value]))
      const accepted = [
        { metadata: { name: `${'!'.repeat(771)}${'x'.repeat(253)}` }, spec: { execution_id: '😀'.repeat(253) } },
        { metadata: { slug: 'y'.repeat(253), org: 'x'.repeat(253), tags: Array(64).fill('x'.repeat(253)) }, spec: { execution_id: 'e', data: { ['x'.repeat(253)]: { value: 'x' } } } },
        { metadata: { slug: 'z', labels: many(64, 'x'.repeat(253)), annotations: { ['x'.repeat(253)]: 'x'.repeat(4096) } }, spec: { execution_id: 'e', data: many(1000, { value: 'x' }) } },
        { metadata: { slug: 'total' }, spec: { execution_id: 'e', data: many(16, { value: `${'€'.repeat(21_845)}x` }) } }
      ]
      for (const body of accepted) t.equal((await post(app, body, url)).statusCode, 201)
    })

    t.test('says the rule’s own sentence for an owner scope', async t => {
      const { app } = await startGateway(t)
      for (const scope of ['platform', 3, 'nonsense']) {
        const { errors } = assertProblem(t, await post(app, contextBody({ metadata: { name: 'x', owner_scope: scope } }), url), { status: 400, code: 'invalid_argument', pointers: ['/metadata/owner_scope'] })
        t.equal(errors?.[0]?.detail, 'ExecutionContext owner_scope must be unspecified (operator-managed resource)')
      }
    })

    t.test('names unknown fields and suggests the right name', async t => {
      const { app } = await startGateway(t)
      const response = await post(app, {
        apiVersion: 'agentic.stigmer.ai/v1',
        Kind: 'x',
        wholly_different: 1,
        metadata: { name: 'x', ownerScope: 'platform', label: {} },
        spec: { execution_id: 'x', executionId: 'x', data: { K: { value: 'x', isSecret: true } } }
      }, url)
      const { errors } = assertProblem(t, response, {
        status: 400,
        code: 'invalid_argument',
        pointers: ['/apiVersion', '/Kind', '/wholly_different', '/metadata/ownerScope', '/metadata/label', '/spec/executionId', '/spec/data/K/isSecret']
      })
      const suggested = Object.fromEntries(errors!.map(({ pointer, detail }) => [pointer, /did you mean (\w+)\?/.exec(detail)?.[1]]))
      t.same(suggested, {
        '/apiVersion': 'api_version',
        '/Kind': 'kind',
        '/wholly_different': undefined,
        '/metadata/ownerScope': 'owner_scope',
        '/metadata/label': 'labels',
        '/spec/executionId': 'execution_id',
        '/spec/data/K/isSecret': 'is_secret'
      })
    })

    t.test('lists no more than a hundred violations', async t => {
      const { app } = await startGateway(t)
      const unknown = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`unknown${index}`, 1]))
      t.equal((await post(app, { ...contextBody(), ...unknown }, url)).json().errors.length, 100)
    })

    t.test('takes no query parameter', async t => {
      const { app } = await startGateway(t)
      assertProblem(t, await post(app, contextBody(), `${url}?dry_run=true`), { status: 400, code: 'invalid_argument', pointers: ['/dry_run'] })
    })

    t.test('quotes no value of a body that it refuses, neither in the answer nor in the log', async t => {
      const { app, lines } = await startGateway(t)
      const canary = 'c4n4ry-s3cr3t'
      const refused = [
        contextBody({ spec: { execution_id: '', data: { K: { value: canary, is_secret: true } } } }),
        contextBody({ spec: { execution_id: 'x', data: { K: canary } } }),
        contextBody({ spec: { execution_id: canary.repeat(50), data: { K: { value: canary.repeat(10_000) } } } }),
        contextBody({ metadata: { name: 'x', slug: `${canary} ${canary}`, owner_scope: canary, tags: [canary.repeat(50)], labels: { a: canary.repeat(50) } } }),
        { ...contextBody(), kind: canary, api_version: canary, unknown: canary }
      ]
      for (const body of refused) {
        const response = await post(app, body, url)
        t.equal(response.statusCode, 400)
        t.notMatch(response.payload, canary)
      }
      t.notMatch(JSON.stringify(lines), canary)
    })
  })
}

t.test('bad input is refused with the exact pointer', async t => {
  const { app } = await startGateway(t)
  const metadata = (changes: object) => contextBody({ metadata: { name: 'x', ...changes } })
  const spec = (changes: object) => contextBody({ spec: { execution_id: 'e', ...changes } })
  const value = (value: unknown) => spec({ data: { K: value } })
  const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'x']))
  const values = (count: number, length: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, { value: 'x'.repeat(length) }]))
  const refused: Array<[object | string, ...string[]]> = [
    [{}, '/metadata', '/spec'],
    ['', ''], ['null', ''], ['[]', ''], ['"text"', ''], ['7', ''],
    [{ spec: { execution_id: 'e' } }, '/metadata'],
    [{ metadata: { name: 'x' } }, '/spec'],
    [{ metadata: null, spec: [] }, '/metadata', '/spec'],
    [contextBody({ spec: {} }), '/spec/execution_id'],
    [spec({ execution_id: '' }), '/spec/execution_id'],
    [spec({ execution_id: 'x'.repeat(254) }), '/spec/execution_id'],
    [spec({ execution_id: 5 }), '/spec/execution_id'],
    [contextBody({ metadata: {} }), '/metadata'],
    [metadata({ name: '' }), '/metadata'],
    [metadata({ name: '!!!' }), '/metadata/name'],
    [metadata({ name: '你好' }), '/metadata/name'],
    [metadata({ name: 'x'.repeat(254) }), '/metadata/name'],
    [metadata({ name: ' '.repeat(1024) + 'x' }), '/metadata/name'],
    [metadata({ slug: '' }), '/metadata/slug'],
    [metadata({ slug: 'Not Valid' }), '/metadata/slug'],
    [metadata({ slug: '-x' }), '/metadata/slug'],
    [metadata({ slug: 'x\n' }), '/metadata/slug'],
    [metadata({ slug: 'x'.repeat(254) }), '/metadata/slug'],
    ...['platform', 'organization', 'identity_account', 3, 0, 'nonsense', null].map((scope): [object, string] =>
      [metadata({ owner_scope: scope }), '/metadata/owner_scope']),
    [metadata({ id: 'exec-x' }), '/metadata/id'],
    [metadata({ version: {} }), '/metadata/version'],
    [{ ...contextBody(), status: {} }, '/status'],
    [{ ...contextBody(), kind: 'Agent' }, '/kind'],
    [{ ...contextBody(), api_version: 'v1', kind: '' }, '/api_version', '/kind'],
    [value({ value: '' }), '/spec/data/K/value'],
    [value({ is_secret: true }), '/spec/data/K/value'],
    [value({ value: 5, is_secret: 'true' }), '/spec/data/K/value', '/spec/data/K/is_secret'],
    [value('plain'), '/spec/data/K'],
    [value({ value: 'x'.repeat(65_537) }), '/spec/data/K/value'],
    [value({ value: '€'.repeat(21_846) }), '/spec/data/K/value'],
    [spec({ data: { '9x': { value: 'x' } } }), '/spec/data/9x'],
    [spec({ data: { '': { value: 'x' } } }), '/spec/data/'],
    [spec({ data: { 'a/b~c': { value: 'x' } } }), '/spec/data/a~1b~0c'],
    [spec({ data: { ['x'.repeat(254)]: { value: 'x' } } }), `/spec/data/${'x'.repeat(254)}`],
    [spec({ data: values(1001, 1) }), '/spec/data'],
    [spec({ data: { ...values(16, 65_536), more: { value: 'x' } } }), '/spec/data'],
    [metadata({ labels: keys(65) }), '/metadata/labels'],
    [metadata({ labels: { '': 'x', a: 'x'.repeat(254) } }), '/metadata/labels/', '/metadata/labels/a'],
    [metadata({ annotations: { a: 'x'.repeat(4097), b: 5 } }), '/metadata/annotations/a', '/metadata/annotations/b'],
    [metadata({ tags: Array(65).fill('x') }), '/metadata/tags'],
    [metadata({ tags: ['x', '', 'x'.repeat(254)] }), '/metadata/tags/1', '/metadata/tags/2'],
    [metadata({ org: 'x'.repeat(254) }), '/metadata/org']
  ]
  for (const [body, ...pointers] of refused) {
    assertProblem(t, await post(app, body), { status: 400, code: 'invalid_argument', pointers }, JSON.stringify(body).slice(0, 100))
  }
  t.equal((await app.inject(`${PATH}/by-reference?slug=x`)).statusCode, 404, 'nothing is stored')
})

for (const [engine, open] of Object.entries(engines)) {
  t.test(`fifty parallel creates and applies of one slug, on ${engine}: one succeeds`, async t => {
    const { app } = await startGateway(t, await open(t))
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => post(app, contextBody(), index % 2 === 0 ? PATH : APPLY)))
    const [created, ...more] = answers.filter(({ statusCode }) => statusCode === 201)
    t.same(more, [])
    const { id } = created!.json().metadata
    const refused = answers.filter(({ statusCode }) => statusCode === 409).map(answer => answer.json())
    t.equal(refused.length, 49)
    t.ok(refused.every(({ code, existing_id: existingId }) => code === 'already_exists' && existingId === id))
    t.equal((await app.inject(`${PATH}/by-reference?slug=my-run`)).payload, created!.payload)
  })
}
