import { randomBytes } from 'node:crypto'
import type { lookup } from 'node:dns'
import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { Webhook as Verifier } from 'standardwebhooks'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/clock.js'
import type { GatewayError } from '../../src/errors.js'
import type { Outgoing } from '../../src/events/publisher.js'
import { isMetadataService, lookupOf } from '../../src/sinks/forbidden-places.js'
import { openPublisher } from '../../src/sinks/open-publisher.js'
import { SigningKeys } from '../../src/sinks/signing-keys.js'
import { Webhook } from '../../src/sinks/webhook.js'
import { newDataDir } from '../support/data-dir.js'
import { startReceiver, type Answer } from '../support/receiver.js'

const never = new AbortController().signal
const newEvent = (id: string): Outgoing => ({ id, about: 'a', topic: 'x.created', time: 0, json: JSON.stringify({ id, subject: 'a', more: 'ä🎉' }) })
const failureOf = async (publishing: Promise<unknown>): Promise<GatewayError> => publishing.then(() => { throw new Error('it did not fail') }, error => error)
const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`

function secretFile (t: Test, text: string) {
  const file = join(newDataDir(t), 'secrets')
  writeFileSync(file, text, { mode: 0o600 })
  return file
}

async function webhookTo (t: Test, answer?: Answer, { keys, timeoutMs }: { keys?: SigningKeys, timeoutMs?: number } = {}) {
  const receiver = await startReceiver(t, answer)
  const webhook = new Webhook({ url: receiver.url.replace('//', '//us%40er:p%3Ass@') + '?token=t0ken', keys, clock: systemClock, timeoutMs })
  t.teardown(() => webhook.close())
  return { ...receiver, webhook, publish: (...ids: string[]) => webhook.publish(ids.map(newEvent), never) }
}

t.test('an event is posted as a CloudEvent, and any answer of 2xx acknowledges it', async t => {
  for (const status of [200, 201, 202, 204, 299]) {
    const { publish, posts } = await webhookTo(t, (_, response) => response.writeHead(status).end())
    await publish('1')
    t.match(posts, [{ body: newEvent('1').json, headers: { 'content-type': 'application/cloudevents+json; charset=utf-8', 'webhook-id': '1' } }])
    t.equal(posts[0]!.headers.authorization, `Basic ${Buffer.from('us@er:p:ss').toString('base64')}`)
    t.equal(posts[0]!.headers['webhook-signature'], undefined, 'there is no secret')
  }
})

t.test('it is signed as Standard Webhooks says, by each secret of the file, which may change', async t => {
  const [old, young] = [newSecret(), newSecret()]
  const file = secretFile(t, `${old}\n`)
  const keys = new SigningKeys(file, { checkEveryMs: 0 })
  const { publish, posts } = await webhookTo(t, undefined, { keys })
  const isBy = (secret: string) => {
    const { body, headers } = posts.at(-1)!
    try {
      return new Verifier(secret).verify(body, headers as Record<string, string>) !== undefined
    } catch {
      return false
    }
  }
  await publish('1')
  t.same([isBy(old), isBy(young)], [true, false])
  writeFileSync(file, `${young}\n\n${old}\r\n`)
  await publish('1')
  t.same([isBy(old), isBy(young)], [true, true])
  writeFileSync(file, 'whsec_half')
  await publish('1')
  t.same([isBy(old), isBy(young)], [true, true], 'those of before stay')
  writeFileSync(file, young)
  await publish('1', '2')
  t.same([isBy(old), isBy(young), posts.at(-1)!.headers['webhook-id']], [false, true, '1_2'])
})

t.test('what is wrong with the file is said, and nothing of it quoted', async t => {
  const short = `whsec_${Buffer.alloc(23).toString('base64')}`
  const long = `whsec_${Buffer.alloc(65).toString('base64')}`
  for (const text of ['', '\n', 'secret', 'whsec_', short, long, `${newSecret()} ${newSecret()}`, [1, 2, 3].map(newSecret).join('\n')]) {
    const file = secretFile(t, text)
    const place = { url: 'https://events.example', secretFile: file, natsCreds: undefined }
    await t.rejects(openPublisher(place, systemClock, {}), { code: 'invalid_argument', message: /^ECTX_EVENTS_SECRET_FILE: / })
    const failure = await failureOf(openPublisher(place, systemClock, {}))
    t.notMatch(failure.message.replace(file, ''), /[A-Za-z0-9+/]{30}/)
  }
  const open = secretFile(t, newSecret())
  chmodSync(open, 0o644)
  t.throws(() => new SigningKeys(open, {}), { message: /take that from others/ })
})

t.test('events are sent together where the last answer says so', async t => {
  let accepts: string | undefined = 'text/plain, Application/CloudEvents-Batch+JSON; charset=utf-8'
  const { webhook, publish, posts } = await webhookTo(t, (_, response) => response.writeHead(204, accepts === undefined ? {} : { 'accept-post': accepts }).end())
  t.equal(webhook.most, 1)
  await publish('1')
  t.equal(webhook.most, 100)
  await publish('1', '2')
  t.match(posts.at(-1), { body: `[${newEvent('1').json},${newEvent('2').json}]`, headers: { 'content-type': 'application/cloudevents-batch+json; charset=utf-8', 'webhook-id': '1_2' } })
  accepts = undefined
  await publish('3')
  t.equal(webhook.most, 1)
})

t.test('other answers say whether it may be taken later', async t => {
  const answers: Array<[number, string]> = [
    [301, 'unavailable'], [302, 'unavailable'], [307, 'unavailable'], [400, 'failed_precondition'], [401, 'failed_precondition'],
    [404, 'failed_precondition'], [408, 'unavailable'], [410, 'failed_precondition'], [425, 'unavailable'], [429, 'unavailable'],
    [500, 'unavailable'], [503, 'unavailable']
  ]
  let status = 0
  const { publish, posts } = await webhookTo(t, (_, response) => response.writeHead(status, { location: '/elsewhere', 'retry-after': '7' }).end('s3cr3t'))
  for (const [next, code] of answers) {
    status = next
    await t.rejects(publish('1'), { code, retryAfterSeconds: 7, message: new RegExp(`answers ${status}`) })
  }
  t.equal(posts.length, answers.length, 'no redirect was followed')
})

t.test('a date says when to send again, too', async t => {
  let retryAfter = new Date(Date.now() + 3_600_000).toUTCString()
  const { publish } = await webhookTo(t, (_, response) => response.writeHead(503, { 'retry-after': retryAfter }).end())
  t.ok((await failureOf(publish('1'))).retryAfterSeconds! > 3_000)
  for (retryAfter of ['', 'soon', '-1', '1e9', new Date(0).toUTCString()]) t.equal((await failureOf(publish('1'))).retryAfterSeconds, undefined)
})

t.test('who hangs, closes or answers without an end is left', async t => {
  const { publish: hang } = await webhookTo(t, () => {}, { timeoutMs: 100 })
  await t.rejects(hang('1'), { code: 'unavailable', message: /does not answer within 0\.1 seconds/ })
  const { publish: closed } = await webhookTo(t, (_, __, request) => request.socket.destroy())
  await t.rejects(closed('1'), { code: 'unavailable', message: /cannot be reached \(ECONNRESET\)/ })
  const { publish: middle } = await webhookTo(t, (_, __, request) => { request.socket.end('HTTP/1.1 20') })
  await t.rejects(middle('1'), { code: 'unavailable', message: /cannot be reached/ })
  const { publish: garbage } = await webhookTo(t, (_, __, request) => { request.socket.end('s3cr3t\r\n\r\n') })
  const told = await failureOf(garbage('1'))
  t.notMatch(told.message, /s3cr3t/)
  t.equal(told.cause, undefined)
  const { publish: heads } = await webhookTo(t, (_, __, request) => { request.socket.write(`HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(10_000)}`) })
  await t.rejects(heads('1'), { code: 'unavailable' })

  const ends: Array<Promise<unknown>> = []
  const { publish: endless } = await webhookTo(t, (_, response) => {
    let isOpen = true
    ends.push(once(response, 'close').then(() => { isOpen = false }))
    const write = () => { if (isOpen) response.write('x'.repeat(1_000), () => setImmediate(write)) }
    response.writeHead(200)
    write()
  })
  await endless('1')
  await Promise.all(ends)
  t.equal(ends.length, 1)
})

t.test('who is away is told by the system\'s word alone, and nothing of the URL', async t => {
  const { publish, close } = await webhookTo(t)
  await close()
  const { message, stack } = await failureOf(publish('1'))
  t.match(message, /cannot be reached \(ECONNREFUSED\)/)
  t.notMatch(stack, /p:ss|t0ken/)
})

t.test('whose TLS cannot be verified gets nothing', async t => {
  const server = createServer(socket => socket.on('error', () => {}).end())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const webhook = new Webhook({ url: `https://127.0.0.1:${port}`, keys: undefined, clock: systemClock })
  await t.rejects(webhook.publish([newEvent('1')], never), { code: 'unavailable' })
})

const METADATA = [
  '169.254.169.254', '169.254.170.2', '[::ffff:169.254.169.254]', '[::ffff:a9fe:a9fe]', '[fd00:ec2::254]', '[fe80::1]', '100.100.100.200',
  '[64:ff9b::169.254.169.254]', '[2002:a9fe:a9fe::]', '[::169.254.169.254]', 'metadata.google.internal', 'METADATA.google.internal.',
  '2852039166', '0xa9fea9fe', '0251.0376.0251.0376', '169.254.43518', '168.63.129.16', '192.0.0.192'
]

t.test('no metadata service gets anything, however it is written, nor by a name that leads there', async t => {
  for (const host of METADATA) {
    t.throws(() => new Webhook({ url: `https://${host}/`, keys: undefined, clock: systemClock }), { code: 'invalid_argument' }, host)
  }
  for (const host of ['events.example', '10.0.0.1', '169.253.1.1', '[fd00::1]', '[2001:db8::1]', '127.0.0.1']) t.notOk(isMetadataService(host), host)

  let lookups = 0
  const leadingTo = (...addresses: string[]) => {
    const resolve = (_name: string, _options: object, done: (...args: unknown[]) => void) => {
      lookups++
      done(null, addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 })))
    }
    return lookupOf(address => !isMetadataService(address), resolve as unknown as typeof lookup)
  }
  for (const addresses of [['169.254.169.254'], ['127.0.0.1', '::ffff:169.254.169.254'], ['fd00:ec2::254']]) {
    const webhook = new Webhook({ url: 'https://events.example/', keys: undefined, clock: systemClock, lookup: leadingTo(...addresses) })
    await t.rejects(webhook.publish([newEvent('1')], never), { code: 'unavailable', message: /leads to an address that no events are sent to/ })
  }
  lookups = 0
  const { url, posts } = await startReceiver(t)
  const webhook = new Webhook({ url: url.replace('127.0.0.1', 'localhost'), keys: undefined, clock: systemClock, lookup: leadingTo('127.0.0.1') })
  t.teardown(() => webhook.close())
  await webhook.publish([newEvent('1')], never)
  t.same([posts.length, lookups], [1, 1], 'what it led to is what was connected to')
})

t.test('what is to be cut off is', async t => {
  const { webhook } = await webhookTo(t, () => {})
  const ending = new AbortController()
  const publishing = webhook.publish([newEvent('1')], ending.signal)
  ending.abort()
  await t.rejects(publishing, { code: 'unavailable' })
})
