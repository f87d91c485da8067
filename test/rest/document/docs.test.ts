import type { AddressInfo } from 'node:net'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import type { OpenAPIV3 } from 'openapi-types'
import { chromium, type Locator, type Page } from 'playwright-core'
import t from 'tap'
import { MemoryStore } from '../../../src/engines/memory/memory-store.js'
import { chromiumPath, skipBrowser } from '../../support/browser.js'
import { OPERATOR, withTokens } from '../../support/callers.js'
import { PATH, startGateway } from '../../support/gateway.js'
import { until } from '../../support/until.js'

const CODINGS = [['gzip, deflate', 'gzip', gunzipSync], ['gzip, deflate, br, zstd', 'br', brotliDecompressSync]] as const

/** Resolves to this machine, but no browser takes it for a safe name as it does `localhost`. */
const OTHER_HOST = 'ectx.test'

t.test('GET /docs/json', async t => {
  const { app } = await startGateway(t)
  const load = async () => (await app.inject('/docs/json')).json<OpenAPIV3.Document>()

  t.test('has another example each time, so that each page load can create one', async t => {
    for (const { paths } of [await load(), await load()]) {
      const body = paths['/v1/execution-contexts']?.post?.requestBody as OpenAPIV3.RequestBodyObject
      const { statusCode } = await app.inject({ method: 'POST', url: '/v1/execution-contexts', payload: body.content['application/json']?.example })
      t.equal(statusCode, 201)
    }
  })

  t.test('is rendered once', async t => {
    const first = await app.inject('/docs/json')
    let rendered = 0
    const { stringify } = JSON
    t.intercept(JSON, 'stringify', { value: (...of: Parameters<typeof stringify>) => { if (of[0]?.openapi) rendered++; return stringify(...of) } })
    const second = await app.inject('/docs/json')
    t.match(second, { statusCode: 200, headers: { 'content-type': first.headers['content-type'], 'content-length': first.headers['content-length'] } })
    const isFresh = /Nightly import 42 [0-9a-f]{8}/g
    t.equal(rendered, 0)
    t.not(first.body, second.body)
    t.equal(first.body.replaceAll(isFresh, ''), second.body.replaceAll(isFresh, ''))
  })

  t.test('sends calls to where it came from', async t => {
    t.notOk('servers' in await load())
  })
})

t.test('GET /docs is a page, with and without a slash at its end, that need not be sent twice', async t => {
  const { app } = await startGateway(t)
  for (const url of ['/docs', '/docs/']) {
    const { statusCode, headers } = await app.inject(url)
    t.match({ statusCode, headers }, { statusCode: 200, headers: { 'content-type': /^text\/html/, 'cache-control': 'no-cache' } })
    t.match(await app.inject({ url, headers: { 'if-none-match': String(headers.etag) } }), { statusCode: 304, body: '' })
  }
})

t.test('what the page loads', async t => {
  const { app } = await startGateway(t)
  const { body: page } = await app.inject('/docs/')
  const urls = [...page.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, url]) => `/docs/${url}`)
  t.ok(urls.length >= 5)

  t.test('is kept for ever under a URL that names its content, and asked for again under any other', async t => {
    for (const url of urls) {
      const { statusCode, headers } = await app.inject(url)
      t.match({ statusCode, headers }, { statusCode: 200, headers: { 'cache-control': /max-age=31536000, immutable/ } }, url)
      for (const other of ['', '?v=', '?v=0', '?v=a&v=b']) {
        const { headers } = await app.inject(url.replace(/\?.*/, other))
        t.equal(headers['cache-control'], 'no-cache', `${url} ${other}`)
        t.match(await app.inject({ url, headers: { 'if-none-match': String(headers.etag) } }), { statusCode: 304, body: '' })
      }
    }
  })

  t.test('comes compressed to who can read that, and is the same', async t => {
    for (const url of [...urls, '/docs/json'].filter(url => !url.includes('.png'))) {
      const plain = await app.inject(url)
      t.notOk(plain.headers['content-encoding'], url)
      for (const [accepted, coding, decompress] of CODINGS) {
        const { headers, rawPayload } = await app.inject({ url, headers: { 'accept-encoding': accepted } })
        if (url === '/docs/json') {
          t.same(Object.keys(JSON.parse(gunzipSync(rawPayload).toString())), Object.keys(plain.json()))
        } else {
          t.match(headers, { 'content-encoding': coding, vary: 'accept-encoding', 'content-type': String(plain.headers['content-type']) }, `${url} ${accepted}`)
          t.ok(decompress(rawPayload).equals(plain.rawPayload), url)
          t.not(headers.etag, plain.headers.etag)
        }
        t.ok(plain.rawPayload.length < 1000 || rawPayload.length < plain.rawPayload.length / 2, url)
      }
      t.notOk((await app.inject({ url, headers: { 'accept-encoding': 'gzip;q=0, zstd' } })).headers['content-encoding'])
    }
  })
})

t.test('GET /docs in a browser', { skip: skipBrowser }, async t => {
  if (chromiumPath === undefined) throw new Error('REQUIRE_BROWSER=1, and there is no Chromium')
  const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--disable-gpu', '--disable-quic', '--disable-sync', `--host-resolver-rules=MAP ${OTHER_HOST} 127.0.0.1`] })
  t.teardown(() => browser.close())

  for (const [host, token] of [['localhost'], [OTHER_HOST, OPERATOR]] as const) {
    t.test(`on ${host} its examples work when executed${token ? ' with a token' : ''}, and it needs nothing from elsewhere`, async t => {
      const { app } = await startGateway(t, new MemoryStore(), token === undefined ? {} : withTokens(t))
      await app.listen({ host: '127.0.0.1', port: 0 })
      const { port } = app.server.address() as AddressInfo
      const origin = `http://${host}:${port}`
      const page = await browser.newPage()
      const errors: string[] = []
      page.on('console', message => { if (message.type() === 'error') errors.push(message.text()) })
      page.on('pageerror', error => errors.push(error.message))
      page.on('requestfailed', request => errors.push(request.url()))
      const origins = new Set<string>()
      page.on('request', request => origins.add(new URL(request.url()).origin))
      const operation = (id: string) => page.locator(`#operations-ExecutionContexts-${id}`)

      await page.goto(`${origin}/docs`)
      if (token !== undefined) await authorize(page, token)
      const create = operation('createExecutionContext')
      const get = operation('getExecutionContext')
      await open(get)
      await open(create)
      const created = await execute(create)
      t.equal(created.status, '201')
      t.match(created.body.metadata.id, /^exec-/)

      t.same(await execute(get), { ...created, status: '200' }, 'where it was open already')
      const byReference = operation('getExecutionContextByReference')
      await open(byReference)
      t.same(await execute(byReference), { ...created, status: '200' }, 'where it was opened later')
      for (const [id, answered] of Object.entries({
        heartbeatExecutionContext: { lease_expire_time: String },
        getExecutionContextEnv: { API_TOKEN: 'not-a-real-token' },
        listExecutionContexts: { execution_contexts: [{ metadata: { id: created.body.metadata.id } }] },
        listExecutionContextsOfExecution: { execution_contexts: [{ metadata: { id: created.body.metadata.id } }] },
        batchGetExecutionContexts: { not_found: [/^exec-/] }
      })) {
        await open(operation(id))
        t.match(await execute(operation(id)), { status: '200', body: answered }, id)
      }

      await page.reload()
      const remove = operation('deleteExecutionContext')
      await open(remove)
      t.same(await execute(remove), { ...created, status: '200' }, 'on the next load of the page')

      t.same(errors, [])
      t.same([...origins].filter(origin => origin !== 'null'), [origin])
    })
  }

  t.test('fits a phone and follows its light and dark, and has one place for all failures', async t => {
    const { app } = await startGateway(t)
    const origin = await app.listen({ host: '127.0.0.1', port: 0 })
    const context = await browser.newContext({ viewport: { width: 390, height: 844 }, colorScheme: 'dark', isMobile: true, hasTouch: true })
    const page = await context.newPage()
    await page.goto(`${origin}/docs`)
    const { paths } = (await app.inject('/docs/json')).json<OpenAPIV3.Document>()
    for (const [{ operationId, responses } = {}, successes] of [[paths[PATH]?.post, ['201']], [paths[`${PATH}/by-reference`]?.get, ['200', '304']]] as const) {
      const operation = page.locator(`#operations-ExecutionContexts-${operationId}`)
      await open(operation)
      await execute(operation)
      const listed = operation.locator('.responses-table:not(.live-responses-table) > tbody > tr.response')
      t.same(await listed.locator('> .response-col_status').allInnerTexts(), [...successes, 'default'])
      const failures = Object.keys(responses ?? {}).filter(status => Number(status) >= 400)
      t.ok(failures.length > 4)
      t.same(await listed.last().locator('.renderedMarkdown tbody tr td:first-child').allInnerTexts(), [...failures, 'other'])
    }
    t.equal(await page.evaluate('document.documentElement.scrollWidth'), 390)

    for (const [colorScheme, background] of [['dark', 'rgb(28, 32, 34)'], ['light', 'rgba(0, 0, 0, 0)']] as const) {
      await page.emulateMedia({ colorScheme })
      await until(async () => await page.evaluate('getComputedStyle(document.documentElement).backgroundColor') === background)
    }
  })
})

async function authorize (page: Page, token: string): Promise<void> {
  await page.locator('button.btn.authorize').click()
  await page.locator('.auth-container input').fill(token)
  await page.locator('.auth-btn-wrapper button.authorize').click()
  await page.locator('.auth-btn-wrapper button.btn-done').click()
}

const open = (operation: Locator) => operation.locator('.opblock-summary-control').click()

/** Presses Execute, and reads the answer from the page. */
async function execute (operation: Locator): Promise<{ status: string, body: { metadata: { id: string } } }> {
  await operation.getByRole('button', { name: 'Execute' }).click()
  const answer = operation.locator('.live-responses-table tr.response')
  return {
    status: await answer.locator('.response-col_status').innerText(),
    body: JSON.parse(await answer.locator('.highlight-code code').first().innerText())
  }
}
