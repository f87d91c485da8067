import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { AuditRelay } from '../../src/audit/audit-relay.js'
import { MemoryJournal } from '../../src/engines/memory/memory-journal.js'
import { MemoryOutbox } from '../../src/engines/memory/memory-outbox.js'
import { Syslog } from '../../src/sinks/syslog.js'
import { newEvent, numbers, recorded, written } from '../audit/support.js'
import { TestClock } from '../support/clock.js'
import { newDataDir } from '../support/data-dir.js'
import { until } from '../support/until.js'

const HEADER = /^<110>1 2030-01-01T00:00:00\.000Z \S+ ectx \d+ event - (\{.*\})$/

/** A server of syslog over streams, and the messages that it got. */
async function streamServer (t: Test, path?: string, port = 0) {
  let bytes = Buffer.alloc(0)
  const messages: string[] = []
  const sockets = new Set<Socket>()
  const server: Server = createServer(socket => {
    bytes = Buffer.alloc(0)
    sockets.add(socket.on('error', () => {}).on('data', chunk => {
      bytes = Buffer.concat([bytes, chunk])
      for (let [, length] = /^(\d+) /.exec(bytes.toString('latin1', 0, 10)) ?? []; length !== undefined;) {
        const end = length.length + 1 + Number(length)
        if (bytes.length < end) return
        messages.push(bytes.toString('utf8', length.length + 1, end))
        bytes = bytes.subarray(end)
        length = /^(\d+) /.exec(bytes.toString('latin1', 0, 10))?.[1]
      }
    }))
  })
  server.listen(path === undefined ? { port, host: '127.0.0.1' } : { path })
  await once(server, 'listening')
  const close = async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  }
  t.teardown(close)
  return { port: path === undefined ? (server.address() as AddressInfo).port : 0, messages, close }
}

function logTo (t: Test, url: string, isRequired = false, options = {}) {
  const warnings: string[] = []
  const warn = (message: string) => { warnings.push(message) }
  const sink = new Syslog({ url, isRequired, clock: new TestClock(), warn, retryMs: 1, ...options })
  const outbox = new MemoryOutbox(new TestClock())
  const log = new AuditRelay(outbox, new MemoryJournal(), { sink, clock: new TestClock(), warn })
  t.teardown(async () => {
    await log.close()
    await sink.close()
  })
  return { log, outbox, sink, warnings }
}

const eventsOf = (messages: readonly string[]) => messages.map(message => JSON.parse(HEADER.exec(message)?.[1] ?? '{}'))

t.test('each event is a message, in the order of the log, over TCP and a socket in the file system', async t => {
  const path = join(newDataDir(t), 'socket')
  const [tcp, unix] = [await streamServer(t), await streamServer(t, path)]
  for (const [server, url] of [[tcp, `tcp://127.0.0.1:${tcp.port}`], [unix, `unix://${path}`]] as const) {
    const { log, outbox } = logTo(t, url)
    outbox.add([newEvent('ä')])
    await written(log)
    await Promise.all(numbers(2, 1_000).map(id => log.record(newEvent(String(id)))))
    await until(() => server.messages.length === 1_000)
    const events = eventsOf(server.messages)
    t.same(events.map(({ sequence }) => sequence), numbers(1, 1_000))
    t.same(events.map(({ context_id: id }) => id), ['ä', ...numbers(2, 1_000).map(String)])
    t.match(events[0], { event: 'revealed', keys: ['TOKEN'], time: '2030-01-01T00:00:00.000Z' })
  }
})

t.test('over UDP a datagram is a message', async t => {
  const server = createSocket('udp4')
  const messages: string[] = []
  server.on('message', message => messages.push(message.toString()))
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { log } = logTo(t, `udp://127.0.0.1:${server.address().port}`, true)
  await log.record(newEvent('1'))
  await until(() => messages.length === 1)
  t.match(eventsOf(messages), [{ sequence: 1, context_id: '1' }])
})

t.test('where the server is away, the log goes on, and what waits is sent later; the operator is told twice', async t => {
  const first = await streamServer(t)
  const { log, warnings } = logTo(t, `tcp://127.0.0.1:${first.port}`)
  await log.record(newEvent('1'))
  await until(() => first.messages.length === 1)
  await first.close()
  await Promise.all(numbers(2, 20).map(id => log.record(newEvent(String(id)))))
  await until(() => warnings.length > 0)
  log.admit()
  await log.record(newEvent('21'))
  const second = await streamServer(t, undefined, first.port)
  await until(() => warnings.length === 2)
  t.match(warnings, [/cannot be sent/, /can be sent to ECTX_AUDIT_SYSLOG again; 0 were not/])
  await log.record(newEvent('22'))
  await until(() => second.messages.at(-1)?.includes('"context_id":"22"') ?? false)
  t.equal((await recorded(log)).length, 22)
})

t.test('of too many that wait the oldest are dropped, and counted', async t => {
  const { port, close } = await streamServer(t)
  await close()
  const { log, warnings } = logTo(t, `tcp://127.0.0.1:${port}`, false, { mostWaiting: 5 })
  await log.record(newEvent('0'))
  await until(() => warnings.length === 1)
  for (const id of numbers(1, 20)) await log.record(newEvent(String(id)))
  const server = await streamServer(t, undefined, port)
  await until(() => warnings.length === 2)
  t.match(warnings[1], /; 16 were not/)
  await until(() => server.messages.length === 5)
  t.same(eventsOf(server.messages).map(({ context_id: id }) => id), ['16', '17', '18', '19', '20'])
})

t.test('where it is required, nothing is revealed that was not sent', async t => {
  const first = await streamServer(t)
  const { log, outbox } = logTo(t, `tcp://127.0.0.1:${first.port}`, true)
  await log.record(newEvent('1'))
  await until(() => first.messages.length === 1)
  await first.close()
  await until(() => log.record(newEvent('2')).then(() => false, error => error.code === 'unavailable'))
  t.throws(() => log.admit(), { code: 'unavailable' }, 'and nothing new begins')
  outbox.add([newEvent('deleted')])
  await written(log)
  t.equal((await recorded(log)).at(-1), 'deleted', 'what goes on is in the log')
  const second = await streamServer(t, undefined, first.port)
  await until(() => log.record(newEvent('3')).then(() => true, () => false))
  t.ok(eventsOf(second.messages).some(({ context_id: id }) => id === 'deleted'))
})
