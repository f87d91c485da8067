import { join } from 'node:path'
import t from 'tap'
import type { KeyInfo } from '../../src/secrets/key-row.js'
import { loadRootKey, parseRootKey, unwrap, wrap } from '../../src/secrets/root-key.js'

const bytes = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 8))
const base64 = bytes.toString('base64')
const refused = (message: RegExp) => ({ name: 'GatewayError', code: 'invalid_argument', message })

t.test('32 bytes in base64 or hex are a root key', async t => {
  const forms = [base64, base64.replace('=', ''), bytes.toString('base64url'), bytes.toString('hex'), bytes.toString('hex').toUpperCase(), ` ${base64}\n`]
  for (const text of forms) t.ok(parseRootKey(text).export().equals(bytes), text)
})

t.test('anything else is refused with the command that makes one', async t => {
  const wrong = ['', 'secret', base64.slice(1), base64 + 'A', bytes.toString('hex').slice(2), bytes.toString('hex') + '00', bytes.subarray(1).toString('base64'), `${base64} ${base64}`]
  for (const text of wrong) {
    t.throws(() => parseRootKey(text), refused(/openssl rand -base64 32/))
    try {
      parseRootKey(text)
    } catch (error) {
      if (text !== '') t.notOk(String(error).includes(text))
    }
  }
})

t.test('the root key of the environment', async t => {
  const file = join(t.testdir({ key: base64 + '\n', wrong: 'secret' }), 'key')
  t.equal(loadRootKey({ ECTX_ROOT_KEY: '', ECTX_ROOT_KEY_FILE: '' }), undefined)
  t.ok(loadRootKey({ ECTX_ROOT_KEY: base64 })!.export().equals(bytes))
  t.ok(loadRootKey({ ECTX_ROOT_KEY_FILE: file })!.export().equals(bytes))
  t.throws(() => loadRootKey({ ECTX_ROOT_KEY: base64, ECTX_ROOT_KEY_FILE: file }), refused(/not both/))
  t.throws(() => loadRootKey({ ECTX_ROOT_KEY: 'secret' }), refused(/^ECTX_ROOT_KEY: /))
  t.throws(() => loadRootKey({ ECTX_ROOT_KEY_FILE: join(t.testdirName, 'wrong') }), refused(/^ECTX_ROOT_KEY_FILE: /))
  t.throws(() => loadRootKey({ ECTX_ROOT_KEY_FILE: join(t.testdirName, 'absent') }), refused(/^ECTX_ROOT_KEY_FILE: .*absent cannot be read \(ENOENT\): it does not exist$/))
})

t.test('wrapped material opens with the same root key and key id only, in the same ring', async t => {
  const key = parseRootKey(base64)
  const ring: KeyInfo[] = [
    { id: 'key-a', created_at: 'Monday', state: 'retired', retired_at: 'Tuesday' },
    { id: 'key-b', created_at: 'Tuesday', state: 'active' }
  ]
  const wrapped = wrap(key, ring, 'key-a', bytes)
  t.ok(unwrap(key, ring, 'key-a', wrapped).equals(bytes))
  t.throws(() => unwrap(key, ring, 'key-b', wrapped))
  t.throws(() => unwrap(parseRootKey(Buffer.alloc(32).toString('hex')), ring, 'key-a', wrapped))
  const [first, second] = ring as [KeyInfo, KeyInfo]
  for (const changed of [
    [second, first], [first], [first, { ...second, created_at: 'Friday' }], [{ ...first, retired_at: 'Friday' }, second],
    [{ id: 'key-a', created_at: 'Monday', state: 'active' }, second], [first, second, { ...second, id: 'key-c' }]
  ] as KeyInfo[][]) t.throws(() => unwrap(key, changed, 'key-a', wrapped), JSON.stringify(changed))
  const opened = [...wrapped].filter((_, at) => {
    const changed = Buffer.from(wrapped)
    changed[at]! ^= 1
    try {
      return unwrap(key, ring, 'key-a', changed)
    } catch {
      return false
    }
  })
  t.same(opened, [])
})
