import type { AddressInfo } from 'node:net'
import type { OpenAPIV3 } from 'openapi-types'
import { chromium, type Locator, type Page } from 'playwright-core'
import t from 'tap'
import { chromiumPath, skipBrowser } from '../support/browser.js'
import { MemoryStore } from '../../src/storage/memory.js'
import { OPERATOR, withTokens } from '../support/callers.js'
import { startGateway } from '../support/gateway.js'

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

  t.test('is rendered once, as is its other form', async t => {
    for (const url of ['/docs/json', '/docs/yaml']) {
      const first = await app.inject(url)
      let rendered = 0
      const { stringify } = JSON
      t.intercept(JSON, 'stringify', { value: (...of: Parameters<typeof stringify>) => { if (of[0]?.openapi) rendered++; return stringify(...of) } })
      const second = await app.inject(url)
      t.match(second, { statusCode: 200, headers: { 'content-type': first.headers['content-type'], 'content-length': first.headers['content-length'] } })
      const isFresh = /Nightly import 42 [0-9a-f]{8}/g
      t.equal(rendered, 0)
      t.not(first.body, second.body)
      t.equal(first.body.replaceAll(isFresh, ''), second.body.replaceAll(isFresh, ''))
    }
  })

  t.test('sends calls to where it came from', async t => {
    t.notOk('servers' in await load())
  })
})

t.test('GET /docs is a page, with and without a slash at its end', async t => {
  const { app } = await startGateway(t)
  for (const url of ['/docs', '/docs/']) t.match(await app.inject(url), { statusCode: 200, headers: { 'content-type': /^text\/html/ } })
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
      await open(create)
      const created = await execute(create)
      t.equal(created.status, '201')
      t.match(created.body.metadata.id, /^exec-/)

      const get = operation('getExecutionContext')
      await open(get)
      await get.locator('[data-param-name="id"] input').fill(created.body.metadata.id)
      t.same(await execute(get), { ...created, status: '200' })

      t.same(errors, [])
      t.same([...origins].filter(origin => origin !== 'null'), [origin])
    })
  }
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
