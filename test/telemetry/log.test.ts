import t from 'tap'
import { GatewayError } from '../../src/errors.js'
import { createLogger } from '../../src/telemetry/log.js'
import { PipelineFailure } from '../../src/pipeline/pipeline.js'

const SECRET = 's3cr3t'

/** The line that `write` leaves. */
function lineOf (write: (log: ReturnType<typeof createLogger>) => void): string {
  let text = ''
  write(createLogger('trace', { write: line => { text += line } }))
  return text
}

t.test('a field that no line should have is redacted, however it comes in', async t => {
  const held = { value: SECRET, headers: { authorization: SECRET }, toJSON: () => SECRET }
  for (const write of [
    log => log.info({ request_id: 'r1', req: held }, 'said'),
    log => log.info({ request_id: 'r1', body: SECRET, headers: held, token: SECRET }, 'said'),
    log => log.child({ request_id: 'r1', resource: held }).info('said'),
    log => log.child({ request_id: 'r1' }).trace({ [SECRET.slice(0, 3)]: SECRET }, 'said')
  ] satisfies Array<Parameters<typeof lineOf>[0]>) {
    const line = lineOf(write)
    t.notMatch(line, SECRET)
    t.match(JSON.parse(line), { request_id: 'r1', msg: 'said' })
    t.match(line, '[redacted]')
  }
})

t.test('an error and its causes are logged without what they hold, whoever made them', async t => {
  const payload = Object.assign(new SyntaxError(`Unexpected token in ${SECRET}`), { input: SECRET, body: { SECRET } })
  const failure = new PipelineFailure('create', 'Persist', new GatewayError('internal', 'it cannot be stored', { cause: payload }))
  for (const line of [lineOf(log => log.error({ err: failure }, 'failed')), lineOf(log => log.error({ err: payload }, 'failed')), lineOf(log => log.error({ err: SECRET }, 'failed'))]) {
    t.notMatch(line, SECRET)
  }
  t.match(JSON.parse(lineOf(log => log.error({ err: failure }, 'failed'))).err, {
    type: 'PipelineFailure',
    message: 'create failed at Persist',
    cause: { type: 'GatewayError', code: 'internal', message: 'it cannot be stored', cause: { type: 'SyntaxError', message: undefined } }
  })
})

t.test('files are named, since that is what an operator must know', async t => {
  const error = Object.assign(new Error("ENOSPC: no space left on device, write '/data'"), { code: 'ENOSPC', syscall: 'write' })
  t.match(JSON.parse(lineOf(log => log.error({ err: error }, 'failed'))).err, { code: 'ENOSPC', message: /no space left/ })
})
