import { syncBuiltinESMExports } from 'node:module'
import perfHooks from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { assertProblem } from '../support/problem.js'

// The event loop is as late as the test says.
let delay = 0
const monitorEventLoopDelay = () => ({ enable () {}, disable () {}, reset () {}, get mean () { return (10 + delay) * 1e6 } })
Object.assign(perfHooks, { monitorEventLoopDelay })
syncBuiltinESMExports()
// Imported here, since the monitor is taken when the module is loaded.
const { PATH, startGateway } = await import('../support/gateway.js')
const { MemoryStore } = await import('../../src/engines/memory/memory-store.js')
const { LIMITS } = await import('../../src/server/listener.js')

t.test('an event loop that is a second late refuses requests until it is not', async t => {
  const { app } = await startGateway(t, new MemoryStore(), {}, LIMITS)
  const ask = (url = `${PATH}/exec-x`) => app.inject(url)
  const until = async (status: number) => {
    let answer = await ask()
    while (answer.statusCode !== status) {
      await wait(20)
      answer = await ask()
    }
    return answer
  }

  delay = 999
  t.equal((await ask()).statusCode, 404)
  delay = 1001
  const refused = await until(503)
  assertProblem(t, refused, { status: 503, code: 'unavailable' })
  t.equal(refused.headers['retry-after'], '5')
  t.equal((await ask('/readyz')).statusCode, 503, 'so that no more is sent here')
  t.equal((await ask('/healthz')).statusCode, 200, 'being late is no reason to be killed')
  delay = 999
  await until(404)
  t.equal((await ask('/readyz')).statusCode, 200)
})
