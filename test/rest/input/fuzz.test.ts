import fc from 'fast-check'
import type { InjectOptions } from 'fastify'
import t from 'tap'
import { nearAddress } from '../../support/addresses.js'
import { body, headers, isProblem, path, query } from '../../support/arbitraries.js'
import { createContext, PATH, startGateway } from '../../support/gateway.js'

// The same inputs each time; another seed looks elsewhere.
fc.configureGlobal({ seed: 20 })

// Whatever is sent, the answer is a success or a whole problem document, and never the gateway's own fault.

const request: fc.Arbitrary<InjectOptions> = fc.record({
  method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY', 'TRACE') as fc.Arbitrary<'GET'>,
  url: fc.tuple(path, query).map(parts => parts.join('')),
  headers,
  payload: fc.option(body, { nil: undefined })
})
/** What comes far enough for a body to be looked at. */
const creation: fc.Arbitrary<InjectOptions> = fc.record({
  method: fc.constant('POST'),
  url: fc.constantFrom(PATH, `${PATH}/apply`),
  headers: headers.map(others => ({ ...others, 'content-type': 'application/json' })),
  payload: body
})

for (const [name, requests, numRuns] of [['request', request, 400], ['body', creation, 400]] as const) {
  t.test(`no ${name} is answered with anything but a success or a problem`, async t => {
    const { app } = await startGateway(t)
    await createContext(app)
    const statuses = new Set<number>()
    await fc.assert(fc.asyncProperty(requests, async options => {
      const response = await app.inject({ ...options, remoteAddress: nearAddress() })
      statuses.add(response.statusCode)
      if (response.statusCode >= 500) return false
      if (response.statusCode < 400) return true
      return options.method === 'HEAD' || isProblem(response)
    }), { numRuns })
    const expected = name === 'request' ? [200, 400, 404, 405] : [400, 409]
    t.same(expected.filter(status => !statuses.has(status)), [], 'each kind of answer was among them')
  })
}
