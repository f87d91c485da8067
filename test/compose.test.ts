import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { composeGateway } from '../src/compose.js'
import { loadConfig } from '../src/config/config.js'
import { createLogger } from '../src/telemetry/log.js'
import { withTokens } from './support/callers.js'
import { createCertificate, createRoot } from './support/certificates.js'
import { newDataDir } from './support/data-dir.js'
import { createContext, PATH } from './support/gateway.js'

async function compose (t: Test, env: Readonly<Record<string, string>>) {
  const lines: Array<Record<string, unknown>> = []
  const app = await composeGateway(loadConfig(env), createLogger('warn', { write: line => { lines.push(JSON.parse(line)) } }))
  t.teardown(() => app.close())
  return { app, warnings: lines.map(({ msg }) => String(msg)) }
}

t.test('the embedded engine keeps what it serves over a restart', async t => {
  const env = { ECTX_DATA_DIR: newDataDir(t) }
  const { app, warnings } = await compose(t, env)
  const { id, context } = await createContext(app)
  await app.close()
  t.notOk(warnings.some(warning => /ECTX_STORE/.test(warning)))
  const { app: next } = await compose(t, env)
  t.same((await next.inject(`${PATH}/${id}`)).json(), context)
  const { events } = (await next.inject('/v1/audit-events')).json()
  t.same(events.map(({ event }: { event: string }) => event), ['started', 'created', 'stopped', 'started', 'revealed'])
})

t.test('the memory engine serves alike, says that it keeps nothing, and does not', async t => {
  const env = { ECTX_STORE: 'memory', ECTX_DATA_DIR: join(newDataDir(t), 'data') }
  const { app, warnings } = await compose(t, env)
  t.ok(warnings.some(warning => /^ECTX_STORE is memory: .* gone when this process ends$/.test(warning)))
  const { id, context } = await createContext(app)
  t.same((await app.inject(`${PATH}/${id}`)).json(), context)
  t.equal((await app.inject('/readyz')).statusCode, 200)
  t.same((await app.inject({ method: 'DELETE', url: `${PATH}/${id}` })).json(), context)
  const { events } = (await app.inject('/v1/audit-events')).json()
  t.same(events.map(({ event }: { event: string }) => event), ['started', 'created', 'revealed', 'deleted'])
  await app.close()
  t.notOk(existsSync(env.ECTX_DATA_DIR))
  const { app: next } = await compose(t, env)
  t.equal((await next.inject(`${PATH}/${id}`)).statusCode, 404)
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
    const app = await composeGateway(loadConfig({ ...withTokens(t), ...env, ECTX_DATA_DIR: newDataDir(t) }), createLogger('info', { write: line => { lines.push(line) } }))
    await app.close()
    const warnings = lines.map(line => JSON.parse(line)).filter(({ msg }) => /in clear/.test(msg))
    t.match(warnings, warns ? [{ level: 'warn', msg: /ECTX_TLS_CERT.*ECTX_TRUSTED_PROXIES/ }] : [], JSON.stringify(env))
    t.equal(warnings.length, warns ? 1 : 0)
  }
})
