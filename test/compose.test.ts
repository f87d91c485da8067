import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { composeGateway } from '../src/compose/compose.js'
import { loadConfig } from '../src/config/config.js'
import { createLogger } from '../src/telemetry/log.js'
import { withTokens } from './support/callers.js'
import { createCertificate, createRoot } from './support/certificates.js'
import { newDataDir } from './support/data-dir.js'
import { contextBody } from './support/gateway.js'
import { CONTEXTS, createClient } from './support/http.js'

async function compose (t: Test, env: Readonly<Record<string, string>>) {
  const lines: Array<Record<string, unknown>> = []
  const gateway = await composeGateway(loadConfig({ ECTX_PORT: '0', ...env }), createLogger('warn', { write: line => { lines.push(JSON.parse(line)) } }))
  t.teardown(gateway.close)
  const { get, post, send } = createClient(t, (await gateway.listen()).address)
  const json = async (path: string, method = 'GET') => JSON.parse((await send(method, path)).text)
  const create = async () => JSON.parse((await post(CONTEXTS, contextBody())).text)
  return { close: gateway.close, get, json, create, warnings: lines.map(({ msg }) => String(msg)) }
}

t.test('the embedded engine keeps what it serves over a restart', async t => {
  const env = { ECTX_DATA_DIR: newDataDir(t) }
  const { create, close, warnings } = await compose(t, env)
  const context = await create()
  await close()
  t.notOk(warnings.some(warning => /ECTX_STORE/.test(warning)))
  const next = await compose(t, env)
  t.same(await next.json(`${CONTEXTS}/${context.metadata.id}`), context)
  const { events } = await next.json('/v1/audit-events')
  t.same(events.map(({ event }: { event: string }) => event), ['started', 'created', 'stopped', 'started', 'revealed'])
})

t.test('the memory engine serves alike, says that it keeps nothing, and does not', async t => {
  const env = { ECTX_STORE: 'memory', ECTX_DATA_DIR: join(newDataDir(t), 'data') }
  const { create, close, get, json, warnings } = await compose(t, env)
  t.ok(warnings.some(warning => /^ECTX_STORE is memory: .* gone when this process ends$/.test(warning)))
  const context = await create()
  const path = `${CONTEXTS}/${context.metadata.id}`
  t.same(await json(path), context)
  t.equal((await get('/readyz')).status, 200)
  t.same(await json(path, 'DELETE'), context)
  const { events } = await json('/v1/audit-events')
  t.same(events.map(({ event }: { event: string }) => event), ['started', 'created', 'revealed', 'deleted'])
  await close()
  t.notOk(existsSync(env.ECTX_DATA_DIR))
  const next = await compose(t, env)
  t.equal((await next.get(path)).status, 404)
})

t.test('beyond loopback, without TLS and without a proxy that could end it, the log warns at the start', async t => {
  const { cert, key } = await createCertificate(await createRoot('root'))
  const directory = newDataDir(t)
  const tls = { ECTX_TLS_CERT: join(directory, 'cert.pem'), ECTX_TLS_KEY: join(directory, 'key.pem') }
  writeFileSync(tls.ECTX_TLS_CERT, cert)
  writeFileSync(tls.ECTX_TLS_KEY, key)
  const cases: Array<[env: Record<string, string>, warns: boolean]> = [
    [{ ECTX_HOST: '0.0.0.0' }, true],
    [{ ECTX_HOST: '::' }, true],
    [{ ECTX_HOST: 'gateway.test' }, true],
    [{ ECTX_HOST: '127.0.0.1' }, false],
    [{ ECTX_HOST: '::1' }, false],
    [{ ECTX_HOST: '0.0.0.0', ...tls }, false],
    [{ ECTX_HOST: '0.0.0.0', ECTX_TRUSTED_PROXIES: '10.0.0.1' }, false]
  ]
  for (const [env, warns] of cases) {
    const lines: string[] = []
    const gateway = await composeGateway(loadConfig({ ...withTokens(t), ...env, ECTX_DATA_DIR: newDataDir(t) }), createLogger('info', { write: line => { lines.push(line) } }))
    await gateway.close()
    const warnings = lines.map(line => JSON.parse(line)).filter(({ msg }) => /in clear/.test(msg))
    t.match(warnings, warns ? [{ level: 'warn', msg: /ECTX_TLS_CERT.*ECTX_TRUSTED_PROXIES/ }] : [], JSON.stringify(env))
    t.equal(warnings.length, warns ? 1 : 0)
  }
})
