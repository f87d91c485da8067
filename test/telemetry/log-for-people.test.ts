import { stripVTControlCharacters } from 'node:util'
import t from 'tap'
import { forPeople } from '../../src/telemetry/log-for-people.js'

const textOf = (entry: object) => stripVTControlCharacters(forPeople(JSON.stringify({ level: 'info', time: '2026-11-22T01:20:10.246Z', ...entry })))

t.test('a request is one line: what was asked, what came of it, how long it took and its id', async t => {
  const request = { request_id: 'r-1', method: 'GET', status: 200, duration_ms: 1.234, msg: 'request' }
  t.match(textOf({ ...request, operation: 'getExecutionContext', route: '/v1/execution-contexts/:id' }),
    /^\[\d\d:\d\d:\d\d\.246\] INFO: GET \/v1\/execution-contexts\/:id 200 1\.234 ms r-1\n$/)
  t.match(textOf(request), /INFO: GET \(no route\) 200 1\.234 ms r-1\n$/)
})

t.test('so is whatever else holds no error', async t => {
  t.match(textOf({ address: 'http://127.0.0.1:8080', docs: 'http://127.0.0.1:8080/docs', msg: 'ready' }), /^\[.*\] INFO: ready .*127\.0\.0\.1:8080\/docs.*\n$/)
  t.match(textOf({ msg: 'closed' }), /^\[.*\] INFO: closed *\n$/)
})

t.test('an error keeps its stack', async t => {
  const text = textOf({ level: 'error', msg: 'request failed', request_id: 'r-1', err: { type: 'Error', message: 'm', stack: '    at here' } })
  t.match(text, /ERROR: request failed/)
  t.match(text, /r-1/)
  t.match(text, /at here/)
})
