import { EventEmitter, once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { MemoryStore } from '../../src/engines/memory/memory-store.js'
import { recordsOf } from '../audit/support.js'
import { contextBody, createContext, PATH, startGateway } from '../support/gateway.js'
import { until } from '../support/until.js'

/** A store that keeps the calls of `method` waiting until they are released; `called` when the first has come. */
function holding (method: 'find' | 'insert' | 'remove') {
  const store = new MemoryStore()
  const call = store[method].bind(store) as (...args: unknown[]) => Promise<unknown>
  const told = new EventEmitter()
  const called = once(told, 'called')
  const released = once(told, 'released')
  const hold = () => Object.assign(store, {
    async [method] (...args: unknown[]) {
      const result = await call(...args)
      told.emit('called')
      await released
      return result
    }
  })
  return { store, hold, called, release: () => told.emit('released') }
}

/** Sends `request` to a gateway whose client goes away while the store works for it, and answers what was recorded in the end. */
async function abandoned (t: Test, method: 'find' | 'insert' | 'remove', requestOf: (id: string) => string) {
  const { store, hold, called, release } = holding(method)
  const { app, close, lines, dataDir } = await startGateway(t, store)
  const { id } = await createContext(app, 'before')
  hold()
  await app.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(requestOf(id))
  await called
  socket.resetAndDestroy()
  const connections = promisify(app.server.getConnections.bind(app.server))
  await until(async () => await connections() === 0)
  release()
  await close()
  const events = (await recordsOf(join(dataDir, 'audit'))).map(({ event, slug }) => `${event} ${slug ?? ''}`.trim())
  t.notOk(lines.some(({ level }) => level === 'error'), 'nothing is wrong here')
  return events
}

const head = (line: string, more = '') => `${line} HTTP/1.1\r\nHost: 127.0.0.1\r\n${more}\r\n`

t.test('a client that goes away stops a read: what nobody gets is neither opened nor recorded as revealed', async t => {
  const events = await abandoned(t, 'find', id => head(`GET ${PATH}/${id}`))
  t.same(events, ['started', 'created before', 'stopped'])
})

t.test('a client that goes away does not stop a create that is being stored', async t => {
  const body = JSON.stringify(contextBody({ metadata: { name: 'mine' } }))
  const events = await abandoned(t, 'insert', () => head(`POST ${PATH}`, `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`) + body)
  t.same(events, ['started', 'created before', 'created mine', 'stopped'])
})

t.test('a client that goes away does not stop a delete, which is recorded', async t => {
  const events = await abandoned(t, 'remove', id => head(`DELETE ${PATH}/${id}`))
  t.same(events, ['started', 'created before', 'deleted before', 'stopped'])
})
