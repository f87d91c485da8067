// What web pages can do over gRPC-Web and Connect, in a browser: those of the gateway's own origin all, others nothing.
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium, type Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { chromiumPath, skipBrowser } from '../support/browser.js'
import { bearer, OPERATOR, withTokens } from '../support/callers.js'
import { contextBody, PATH, post, startGateway } from '../support/gateway.js'
import { until } from '../support/until.js'
import { PROTOCOLS, type Access, type use, type visit } from './web-page.js'

/** Stands before the paths of modules, which are those of their files. */
const MODULES = '/modules/'
const pathOf = (module: string) => MODULES + relative('.', fileURLToPath(import.meta.resolve(module)))
const PROGRAM = pathOf('./web-page.js')

/** What is at the path of a module: its file, but that a browser does not know where packages are. */
async function moduleAt (path: string): Promise<string> {
  const code = await readFile(path.slice(MODULES.length), 'utf8')
  return code.replaceAll(/^((?:import|export|\}) .*?from )(['"])([^.'"].*?)\2/gm, (_, before, _quote, name) => `${before}'${pathOf(name)}'`)
}

/** Has `page` be one of the gateway at `address`. */
async function openOwn (page: Page, address: string): Promise<void> {
  await page.route(`${address}${MODULES}**`, async route => {
    await route.fulfill({ contentType: 'text/javascript', body: await moduleAt(new URL(route.request().url()).pathname) })
  })
  await page.goto(`${address}/docs`)
}

/** Has `page` be one of another server. Nothing is routed: Playwright would answer for the gateway what browsers ask before a call. */
async function openOther (t: Test, page: Page): Promise<void> {
  const server = createServer(({ url = '' }, response) => {
    const isModule = url.startsWith(MODULES)
    response.setHeader('content-type', isModule ? 'text/javascript' : 'text/html')
    if (isModule) moduleAt(url).then(code => response.end(code), error => response.destroy(error))
    else response.end('<!DOCTYPE html>')
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  await page.goto(`http://localhost:${(server.address() as AddressInfo).port}`)
}

t.test('in a browser', { skip: skipBrowser }, async t => {
  if (chromiumPath === undefined) throw new Error('REQUIRE_BROWSER=1, and there is no Chromium')
  const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--disable-gpu', '--disable-quic', '--disable-sync'] })
  t.teardown(() => browser.close())

  const start = async (t: Test, env: Record<string, string>) => {
    const { app, lines } = await startGateway(t, undefined, env)
    const page = await browser.newPage()
    t.teardown(() => page.close())
    return { app, lines, page, address: await app.listen({ host: '127.0.0.1', port: 0 }) }
  }

  t.test('a page of the gateway’s own origin can do all that its token may', async t => {
    const { page, address } = await start(t, withTokens(t))
    await openOwn(page, address)
    const useInPage = (access: Access) => page.evaluate(
      async ([program, ...asked]) => await ((await import(program)).use as typeof use)(...asked), [PROGRAM, access, access.protocol, 's3cr3t'] as const)
    for (const protocol of PROTOCOLS) {
      const told = await useInPage({ protocol, address, headers: bearer(OPERATOR) })
      t.match(told, { id: /^exec-/, secret: 's3cr3t', redacted: '', requestIds: [/^[\w-]{36}$/, told.requestIds[0]] }, protocol)
      t.match(told.again, { code: 'AlreadyExists', reason: 'ALREADY_EXISTS', existingId: told.id }, protocol)
      await t.rejects(useInPage({ protocol, address, headers: {} }), { message: /\[unauthenticated\]/ }, protocol)
    }
  })

  for (const who of ['anybody', 'an operator'] as const) {
    t.test(`a page of another origin can do nothing, where ${who} may all`, async t => {
      const [env, headers] = who === 'anybody' ? [{}, {}] : [withTokens(t), bearer(OPERATOR)]
      const { app, lines, page, address } = await start(t, env)
      const { metadata: { slug } } = (await post(app, contextBody(), PATH, headers)).json()
      await openOther(t, page)
      for (const protocol of PROTOCOLS) {
        const before = lines.length
        const asked = () => lines.slice(before).filter(({ msg }) => msg === 'request')
        const access = { protocol, address, headers }
        const told = await page.evaluate(
          async ([program, ...asked]) => await ((await import(program)).visit as typeof visit)(...asked), [PROGRAM, access, slug] as const)
        t.strictSame(told, Array(3).fill({ code: 'Unknown', message: 'Failed to fetch' }), protocol)
        await until(() => asked().length === 3)
        t.same(asked().filter(({ status }) => Number(status) < 400), [], 'the gateway refused it')
      }
      const { execution_contexts: there } = (await app.inject({ url: PATH, headers })).json()
      t.equal(there.length, 1, 'no context was made')
    })
  }
})
