import t from 'tap'
import { MemoryStore } from '../../src/engines/memory/memory-store.js'
import { GatewayError } from '../../src/errors.js'
import { withDeadlines, within } from '../../src/resource/deadline.js'
import { contextBody, createContext, PATH, post, startGateway, type LoggedStore } from '../support/gateway.js'
import { assertProblem } from '../support/problem.js'

const never = () => new Promise<never>(() => {})

/** A store whose `hanging` methods never answer, from then on. */
function hangingStore () {
  const hanging = new Set<PropertyKey>()
  const store = new MemoryStore()
  const proxy = new Proxy(store, {
    get (target, member) {
      const value = Reflect.get(target, member)
      if (typeof value !== 'function') return value
      return hanging.has(member) ? never : value.bind(target)
    }
  })
  return { store: proxy as LoggedStore, hanging }
}

t.test('what ends in time is as it is', async t => {
  t.equal(await within(60_000, Promise.resolve(1)), 1)
  await t.rejects(within(60_000, Promise.reject(new GatewayError('not_found', 'no'))), { code: 'not_found' })
})

t.test('what does not is deadline_exceeded, and is stopped', async t => {
  let isStopped = false
  const { slow } = withDeadlines({
    slow: async (_: undefined, signal?: { throwIfAborted (): void }) => {
      while (true) {
        await new Promise(resolve => setImmediate(resolve))
        try {
          signal?.throwIfAborted()
        } catch (error) {
          isStopped = GatewayError.from(error).code === 'deadline_exceeded'
          throw error
        }
      }
    }
  }, 1)
  await t.rejects(slow(undefined), { code: 'deadline_exceeded' })
  await new Promise(resolve => setImmediate(resolve))
  t.ok(isStopped, 'before its next step')
})

t.test('where the store never answers, requests are 504 and /readyz is 503, and what comes later is served', async t => {
  const { store, hanging } = hangingStore()
  const { app } = await startGateway(t, store, { ECTX_OPERATION_TIMEOUT: '1s' })
  const { id } = await createContext(app)
  for (const member of ['find', 'findBySlug', 'insert', 'remove', 'page', 'ready']) hanging.add(member)
  const [get, create, deleted, list, ready, alive] = await Promise.all([
    app.inject(`${PATH}/${id}`),
    post(app, contextBody({ metadata: { name: 'new' } })),
    app.inject({ method: 'DELETE', url: `${PATH}/${id}` }),
    app.inject(PATH),
    app.inject('/readyz'),
    app.inject('/healthz')
  ])
  for (const answer of [get, create, deleted, list]) assertProblem(t, answer!, { status: 504, code: 'deadline_exceeded' })
  assertProblem(t, ready!, { status: 503, code: 'unavailable' })
  t.equal(alive!.statusCode, 200)
  hanging.clear()
  t.equal((await app.inject(`${PATH}/${id}`)).statusCode, 200)
  t.equal((await app.inject('/readyz')).statusCode, 200)
})
