import { spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import t, { type Test } from 'tap'
import type { Outgoing } from '../../src/events/publisher.js'
import { Nats } from '../../src/sinks/nats.js'
import { newDataDir } from '../support/data-dir.js'
import { freePort } from '../support/free-port.js'
import { until } from '../support/until.js'

const isThere = spawnSync('nats-server', ['--version']).status === 0
const skip = isThere || process.env.REQUIRE_NATS !== undefined ? false : 'there is no nats-server here'
const never = new AbortController().signal
const newEvent = (id: string, topic = 'execution_context.created'): Outgoing => ({ id, about: 'a', topic, time: 0, json: `{"id":"${id}"}` })

/** A nats-server with JetStream, and what it says of its stream. */
async function startNats (t: Test, port: number, directory: string, more: readonly string[] = []) {
  const server = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', directory, ...more], { stdio: 'ignore' })
  const stop = async () => {
    const ended = new Promise(resolve => server.once('exit', resolve))
    if (server.exitCode === null && server.signalCode === null && server.kill('SIGKILL')) await ended
  }
  t.teardown(stop)
  const servers = `127.0.0.1:${port}`
  const manage = async (options = {}) => {
    const connection = await connect({ servers, ...options })
    return { connection, manager: await jetstreamManager(connection) }
  }
  return { stop, manage, url: `nats://${servers}` }
}

t.test('events are in the stream once, by their ids, with their form in the header, and again after the server was away', { skip }, async t => {
  const [port, directory] = [await freePort(), newDataDir(t)]
  const { stop, manage, url } = await startNats(t, port, directory)
  const nats = new Nats({ url, creds: undefined })
  t.teardown(() => nats.close())
  await until(() => manage().then(({ connection }) => connection.close().then(() => true), () => false))
  await t.rejects(nats.publish([newEvent('1')], never), { code: 'unavailable', message: /has no stream that takes ectx\.events\.>: make one/ })

  const { connection, manager } = await manage()
  await manager.streams.add({ name: 'EVENTS', subjects: ['ectx.events.>'], max_msg_size: 1_000 })
  for (const id of ['1', '1', '2']) await nats.publish([newEvent(id)], never)
  await nats.publish([newEvent('3', 'lost')], never)
  const messages = await Promise.all([1, 2, 3].map(seq => manager.streams.getMessage('EVENTS', { seq })))
  t.same(messages.map(message => [message!.subject, message!.header.get('Nats-Msg-Id'), message!.header.get('content-type'), message!.json()]), [
    ['ectx.events.execution_context.created', '1', 'application/cloudevents+json; charset=utf-8', { id: '1' }],
    ['ectx.events.execution_context.created', '2', 'application/cloudevents+json; charset=utf-8', { id: '2' }],
    ['ectx.events.lost', '3', 'application/cloudevents+json; charset=utf-8', { id: '3' }]
  ])
  t.equal((await manager.streams.info('EVENTS')).state.messages, 3)
  await t.rejects(nats.publish([{ ...newEvent('4'), json: 'x'.repeat(2_000) }], never), { code: 'failed_precondition', message: /does not take an event/ })
  await connection.close()

  await stop()
  await t.rejects(nats.publish([newEvent('5')], never), { code: 'unavailable' })
  const again = await startNats(t, port, directory)
  await until(() => nats.publish([newEvent('5')], never).then(() => true, () => false))
  await nats.publish([newEvent('2')], never)
  const second = await again.manage()
  t.equal((await second.manager.streams.info('EVENTS')).state.messages, 4)
  await second.connection.close()
})

t.test('the URL says who one is, and none of it is told', { skip }, async t => {
  for (const [more, userinfo, isRight] of [
    [['--user', 'ectx', '--pass', 'p@ss'], 'ectx:p%40ss', true],
    [['--user', 'ectx', '--pass', 'p@ss'], 'ectx:s3cr3t', false],
    [['--auth', 't0ken'], 't0ken', true]
  ] as const) {
    const port = await freePort()
    const { manage, stop } = await startNats(t, port, newDataDir(t), more)
    const options = userinfo === 't0ken' ? { token: 't0ken' } : { user: 'ectx', pass: 'p@ss' }
    await until(() => manage(options).then(({ connection }) => connection.close().then(() => true), () => false))
    const nats = new Nats({ url: `nats://${userinfo}@127.0.0.1:${port}`, creds: undefined })
    const failure = await nats.publish([newEvent('1')], never).then(() => undefined, error => error)
    t.match(failure.message, isRight ? /has no stream/ : /cannot be reached \(AuthorizationError\)/)
    t.notMatch(failure.stack, /s3cr3t|p@ss|t0ken/)
    await nats.close()
    await stop()
  }
})

t.test('a file of credentials that cannot be used says so, and quotes nothing', { skip }, async t => {
  const port = await freePort()
  const { manage } = await startNats(t, port, newDataDir(t))
  await until(() => manage().then(({ connection }) => connection.close().then(() => true), () => false))
  const creds = join(newDataDir(t), 'creds')
  const nats = new Nats({ url: `nats://127.0.0.1:${port}`, creds })
  await t.rejects(nats.publish([newEvent('1')], never), { message: /ECTX_EVENTS_NATS_CREDS: .* cannot be read \(ENOENT\)/ })
  writeFileSync(creds, 's3cr3t')
  const failure = await nats.publish([newEvent('1')], never).then(() => undefined, error => error)
  t.notMatch(failure?.stack ?? '', /s3cr3t/)
  await nats.close()
})

t.test('who is to be cut off is, and a server that is away is told by a word of ours', async t => {
  const nats = new Nats({ url: `nats://127.0.0.1:${await freePort()}`, creds: undefined })
  await t.rejects(nats.publish([newEvent('1')], never), { code: 'unavailable', message: /^NATS cannot be reached \(\w+\)$/ })
  const ending = new AbortController()
  ending.abort()
  await t.rejects(nats.publish([newEvent('1')], ending.signal))
  await nats.close()
})
