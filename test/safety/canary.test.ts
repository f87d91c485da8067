import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { SpanStatusCode, trace } from '@opentelemetry/api'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import t from 'tap'
import { nearAddress } from '../support/addresses.js'
import { OPERATOR, VIEWER } from '../support/callers.js'
import { newDataDir } from '../support/data-dir.js'
import { startGateway } from '../support/gateway.js'
import { Sweep } from './canaries.js'
import { assertSees, CONTROLS, doEverything, goThrough, leaksIn, misplaceEverything, SECRETS, Visitor, withCredentials } from './canary-visit.js'

t.test('a sweep finds a secret in any form', async t => {
  for (const [name, value] of Object.entries(SECRETS)) {
    const sweep = new Sweep({ [name]: value })
    const raw = Buffer.from(value)
    for (const text of [
      value, JSON.stringify(value), JSON.stringify(JSON.stringify(value)), encodeURIComponent(value), raw.toString('hex'), raw.toString('hex').toUpperCase(),
      ...[0, 1, 2].flatMap(shift => [Buffer.concat([Buffer.alloc(shift, 7), raw]).toString('base64'), Buffer.concat([Buffer.alloc(shift, 7), raw]).toString('base64url')])
    ]) t.not(sweep.find(`before ${text} after`).length, 0, `${name} ${text.slice(0, 20)}`)
    t.same(sweep.find(JSON.stringify(CONTROLS)), [])
  }
})

t.test('a secret that went through the gateway is nowhere but in the answers that were asked for', t => {
  const dataDir = newDataDir(t)
  return goThrough(t, {
    env: { ECTX_DATA_DIR: dataDir },
    leaks: sweep => leaksIn(dataDir, sweep),
    assertSees (how) {
      // What was killed has left it in the log of the database, and what ended in order in a table.
      assertSees(t, dataDir, name => name.startsWith('db/') && name.endsWith(how === 'kill' ? '.log' : '.ldb'))
      for (const name of ['audit/head.json', 'keyring.json']) t.ok(existsSync(join(dataDir, name)))
    }
  })
})

t.test('no span and no log line of a gateway that is traced holds a secret', async t => {
  const exporter = new InMemorySpanExporter()
  t.ok(trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })))
  const { app, lines } = await startGateway(t, undefined, withCredentials(t))
  const sweep = new Sweep({ ...SECRETS, 'the operator token': OPERATOR, 'the viewer token': VIEWER })
  const visitor = new Visitor(async ({ method, path: url, headers, body: payload }) => {
    const { statusCode, headers: answered, payload: text } = await app.inject({ method: method as 'GET', url, headers, payload, remoteAddress: nearAddress() })
    return { status: statusCode, headers: answered, text }
  }, sweep)
  await doEverything(t, visitor, 'traced')
  await misplaceEverything(t, visitor, 'misplaced')

  const spans = exporter.getFinishedSpans().map(({ name, kind, attributes, events, links, status, resource }) =>
    ({ name, kind, attributes, events, links, status, resource: resource.attributes }))
  for (const name of ['create', 'apply', 'get', 'getByReference', 'delete', 'listAuditEvents']) {
    const runs = spans.filter(span => span.name === `pipeline ${name}`)
    for (const failed of [true, false]) t.ok(runs.some(({ status }) => (status.code === SpanStatusCode.ERROR) === failed), `${name} has ${failed ? 'failed' : 'succeeded'}`)
  }
  t.same(sweep.find(JSON.stringify(spans)), [], 'no span')
  t.ok(lines.some(({ msg }) => msg === 'a JWT was refused'))
  t.same(sweep.find(JSON.stringify(lines)), [], 'no log line')
  t.same([...visitor.leaks], [], 'no answer')
})
