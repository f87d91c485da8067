import t from 'tap'
import { createContext, PATH, post, contextBody, startGateway } from '../support/gateway.js'
import { assertProblem } from '../support/problem.js'

const { app } = await startGateway(t)
const { id } = await createContext(app)
const EVENTS = '/v1/audit-events'
const BY_REFERENCE = `${PATH}/by-reference?slug=my-run`

/** Sends what takes parameters at `url`. */
const ask = (method: string, url: string) => method === 'POST' ? post(app, contextBody({ metadata: { name: 'Refused' } }), url) : app.inject({ method: method as 'GET', url })
const VIEW = 'must be full or redacted'
const FLAG = 'must be true or false'
const SIZE = 'must be an integer'
const EMPTY = 'must not be empty'

/** Every parameter, and what is said where it has no value. */
const PARAMETERS: ReadonlyArray<[method: string, url: string, name: string, empty: string | RegExp]> = [
  ['GET', EVENTS, 'context_id', EMPTY],
  ['GET', EVENTS, 'execution_id', EMPTY],
  ['GET', EVENTS, 'page_token', EMPTY],
  ['GET', EVENTS, 'page_size', SIZE],
  ['GET', `${PATH}/${id}/audit`, 'page_token', EMPTY],
  ['GET', `${PATH}/${id}/audit`, 'page_size', SIZE],
  ['GET', BY_REFERENCE, 'org', EMPTY],
  ['GET', BY_REFERENCE, 'kind', /only execution_context can be looked up here$/],
  ['GET', BY_REFERENCE, 'scope', /^must be /],
  ['GET', BY_REFERENCE, 'version', /^must be 1 to 253 of /],
  ['GET', BY_REFERENCE, 'view', VIEW],
  ['GET', `${PATH}/by-reference`, 'slug', /^must be 1 to 253 of /],
  ['GET', `${PATH}/${id}`, 'view', VIEW],
  ['DELETE', `${PATH}/${id}`, 'view', VIEW],
  ['DELETE', `${PATH}/${id}`, 'version_message', EMPTY],
  ['POST', PATH, 'view', VIEW],
  ['POST', PATH, 'run_token', FLAG],
  ['POST', `${PATH}/apply`, 'view', VIEW],
  ['POST', `${PATH}/apply`, 'run_token', FLAG]
]
const withQuery = (url: string, query: string) => `${url}${url.includes('?') ? '&' : '?'}${query}`

t.test('a parameter without a value is refused by its name', async t => {
  for (const [method, url, name, expected] of PARAMETERS) {
    for (const query of [`${name}=`, name, `${name}=&`]) {
      const { errors } = assertProblem(t, await ask(method, withQuery(url, query)), { status: 400, code: 'invalid_argument', pointers: [`/${name}`] }, `${method} ${url} ${query}`)
      t.match(errors?.[0]?.detail, expected)
    }
  }
})

t.test('a parameter that is given twice is refused as that, whatever its values', async t => {
  for (const [method, url, name] of PARAMETERS) {
    for (const query of [`${name}=full&${name}=full`, `${name}=true&${name}=true`, `${name}=&${name}=1&${name}=`, `${name}=x&%${name.charCodeAt(0).toString(16)}${name.slice(1)}=x`]) {
      const { errors } = assertProblem(t, await ask(method, withQuery(url, query)), { status: 400, code: 'invalid_argument', pointers: [`/${name}`] }, `${method} ${url} ${query}`)
      t.equal(errors?.[0]?.detail, 'is given more than once; give it once')
    }
  }
})

t.test('an unknown parameter is refused, with the name that may have been meant', async t => {
  for (const [method, url, name] of PARAMETERS) {
    const close = `${name}s`
    const { errors } = assertProblem(t, await ask(method, withQuery(url.replace(/\?.*/, ''), `${url.includes('by-reference') ? 'slug=my-run&' : ''}${close}=&wholly_different=1&wholly_different=2`)),
      { status: 400, code: 'invalid_argument', pointers: [`/${close}`, '/wholly_different'] }, `${method} ${url}`)
    t.same(errors?.map(({ detail }) => detail), [`unknown parameter; did you mean ${name}?`, 'unknown parameter'])
  }
})

t.test('a number and a truth value are taken as they are written in JSON, and no other way', async t => {
  for (const [size, expected] of [
    ['1001', 'must be at most 1000'], ['-1', 'must be at least 0'], ['9999999999', 'must be at most 1000'],
    ...['1.5', '1e2', '0x10', '+5', '%205', '5%20', '05', '1_0', 'ten', 'true', 'null', '1'.repeat(400)].map(text => [text, SIZE] as const)
  ] as const) {
    for (const url of [EVENTS, `${PATH}/${id}/audit`]) {
      const { errors } = assertProblem(t, await ask('GET', `${url}?page_size=${size}`), { status: 400, code: 'invalid_argument', pointers: ['/page_size'] }, size)
      t.equal(errors?.[0]?.detail, expected)
    }
  }
  for (const size of ['0', '1', '1000']) t.equal((await ask('GET', `${EVENTS}?page_size=${size}`)).statusCode, 200)
  for (const text of ['1', '0', 'TRUE', 'True', 'yes', 'on', '%20true', 'null']) {
    const { errors } = assertProblem(t, await ask('POST', `${PATH}?run_token=${text}`), { status: 400, code: 'invalid_argument', pointers: ['/run_token'] }, text)
    t.equal(errors?.[0]?.detail, FLAG)
  }
  t.match((await post(app, contextBody({ metadata: { name: 'with' } }), `${PATH}?run_token=true`)).json().status.run_token, /^ectx_run_/)
  t.equal((await post(app, contextBody({ metadata: { name: 'without' } }), `${PATH}?run_token=false`)).json().status.run_token, undefined)
})

t.test('a parameter that is text has no control characters', async t => {
  for (const [method, url, name] of PARAMETERS.filter(([, , name]) => ['context_id', 'execution_id', 'org', 'version_message'].includes(name))) {
    for (const char of ['%00', '%09', '%0A', '%0d', '%1B', '%7F', '%C2%85', '%E2%80%A8', '%E2%80%AE']) {
      const { errors } = assertProblem(t, await ask(method, withQuery(url, `${name}=a${char}b`)), { status: 400, code: 'invalid_argument', pointers: [`/${name}`] }, char)
      t.equal(errors?.[0]?.detail, 'must be one line of text, without control and bidirectional formatting characters')
    }
  }
})

t.test('all that is wrong is told at once', async t => {
  assertProblem(t, await ask('GET', `${BY_REFERENCE}&slug=x&view=&org=&version=%0A&kind=x&kind=y&scope&x`), {
    status: 400, code: 'invalid_argument', pointers: ['/slug', '/view', '/org', '/version', '/kind', '/scope', '/x']
  })
})

t.test('percent signs that spell no UTF-8 are refused, whatever a parameter takes', async t => {
  for (const [method, url, name] of PARAMETERS) {
    const start = url.includes('?') ? `${url}&` : `${url}?`
    for (const value of ['%ff', 'a%', '%zz', 'x%C3', '%ED%A0%80', '%C0%AF']) {
      const { errors } = assertProblem(t, await ask(method, `${start}${name}=${value}`), { status: 400, code: 'invalid_argument', pointers: [`/${name}`] }, `${name}=${value}`)
      t.match(errors?.[0]?.detail, 'write a percent sign itself as %25')
    }
  }
  assertProblem(t, await ask('GET', `${EVENTS}?%ff=x&page_size=%`), { status: 400, code: 'invalid_argument', pointers: ['/%ff', '/page_size'] })
  t.equal((await ask('GET', `${EVENTS}?execution_id=%25`)).statusCode, 200)
})
