import t from 'tap'
import { LIMITS } from '../../src/server/listener.js'
import { bearer, VIEWER, withTokens } from '../support/callers.js'
import { PATH, startGateway } from '../support/gateway.js'
import { assertProblem } from '../support/problem.js'

const MOST = 3_000

t.test('what needs no credentials is limited by address, and nothing else by that', async t => {
  // So many at once make the event loop late, which is another reason to refuse some.
  const { app } = await startGateway(t, undefined, withTokens(t), { ...LIMITS, loopDelay: Infinity })
  const ask = (url: string, remoteAddress: string, headers = {}) => app.inject({ url, remoteAddress, headers })

  for (const [first, same, other] of [['192.0.2.1', '::ffff:192.0.2.1', '192.0.2.2'], ['2001:db8::1', '2001:db8::ffff:2', '2001:db8:0:1::1'], ['127.0.0.1', '127.0.0.1', '127.0.0.2']] as const) {
    const answers = await Promise.all(Array.from({ length: MOST }, () => ask('/nothing', first)))
    t.ok(answers.every(({ statusCode }) => statusCode === 404))
    for (const url of ['/nothing', '/', '/docs', '/docs/json', '/docs/static/swagger-ui.css', '/readyz', `${PATH}/apply`]) {
      const refused = await ask(url, same)
      assertProblem(t, refused, { status: 429, code: 'resource_exhausted' }, url)
      t.match(refused.headers['retry-after'], /^([1-9]|[1-5]\d|60)$/)
    }
    t.equal((await ask('/healthz', first)).statusCode, 200, 'a probe for life, which costs nothing')
    t.equal((await ask(`${PATH}/exec-x`, first, bearer(VIEWER))).statusCode, 404, 'who shows credentials')
    for (const url of ['/docs/json', '/readyz']) t.equal((await ask(url, other)).statusCode, 200, 'another address')
  }
})
