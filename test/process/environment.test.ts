import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { spawnGateway, startProcess } from '../support/process.js'

t.test('beside a Kubernetes Service of its name it listens where it would without, and warns once', async t => {
  const links = { ECTX_SERVICE_HOST: '127.0.0.1', ECTX_SERVICE_PORT: '0', ECTX_GATEWAY_PORT: 'tcp://127.0.0.1:0', ECTX_GATEWAY_PORT_0_TCP_ADDR: '127.0.0.1' }
  const gateway = await startProcess(t, { env: links })
  const warnings = gateway.lines.filter(({ level, msg }) => level === 'warn' && /Kubernetes/.test(String(msg)))
  t.equal(warnings.length, 1)
  t.match(warnings[0]?.msg, new RegExp(`${Object.keys(links).join(', ')}; enableServiceLinks: false`))
  const { code, stderr } = await gateway.stop()
  t.same({ code, stderr }, { code: 0, stderr: '' })
})

t.test('refuses to start with a sentence that names the variable, what it names, and why', async t => {
  const dir = t.testdir({ file: '', folder: {}, broken: '{' })
  const jwt = { ECTX_JWT_ISSUER: 'https://issuer.test', ECTX_JWT_AUDIENCE: 'ectx' }
  const cases: Array<[name: string, value: string, why: RegExp, others?: Record<string, string>]> = [
    ['ECTX_TOKENS_FILE', `${dir}/absent`, /absent: cannot be read \(ENOENT\): it does not exist; how to make it says: npm run token -- --help/],
    ['ECTX_TOKENS_FILE', `${dir}/folder`, /folder: cannot be read \(EISDIR\): it is a directory/],
    ['ECTX_TOKENS_FILE', `${dir}/broken`, /broken: is no valid JSON/],
    ['ECTX_JWT_JWKS', `${dir}/absent`, /absent: cannot be read \(ENOENT\): it does not exist/, jwt],
    ['ECTX_JWT_JWKS', 'http://issuer.test/jwks', /must be at an https URL/, jwt],
    ['ECTX_ROOT_KEY_FILE', `${dir}/absent`, /absent cannot be read \(ENOENT\): it does not exist/],
    ['ECTX_ROOT_KEY_FILE', `${dir}/file/key`, /cannot be read \(ENOTDIR\): a file is in the way/],
    ['ECTX_TLS_CERT', join(dir, 'x'.repeat(300)), /cannot be read \(ENAMETOOLONG\): its name is too long/, { ECTX_TLS_KEY: 'key' }],
    ['ECTX_DATA_DIR', `${dir}/file/data`, /a file is in the way/],
    ['ECTX_DATA_DIR', `${dir}/data\r`, /carriage return/],
    ['ECTX_HOST', '192.0.2.1', /set ECTX_HOST to an address of this machine/, { ECTX_TOKENS_FILE: `${dir}/tokens` }]
  ]
  writeFileSync(`${dir}/tokens`, '[]')
  await Promise.all(cases.map(async ([name, value, why, others]) => {
    const { code, stderr } = await spawnGateway(t, { env: { ...others, [name]: value } }).exited
    t.equal(code, 1)
    t.match(stderr, /^ectx: /)
    t.match(stderr, why, name)
    t.ok(stderr.includes(name))
    t.notMatch(stderr, /^ {4}at /m, 'a sentence, not a stack')
  }))
})
