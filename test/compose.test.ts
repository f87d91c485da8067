import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { composeGateway } from '../src/compose.js'
import { loadConfig } from '../src/config.js'
import { createLogger } from '../src/log.js'
import { withTokens } from './support/callers.js'
import { createCertificate, createRoot } from './support/certificates.js'
import { newDataDir } from './support/data-dir.js'

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
