import { createHash, randomBytes, type KeyObject } from 'node:crypto'
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect, isDeepStrictEqual } from 'node:util'
import t, { type Test } from 'tap'
import { parseRing, UnusableRing } from '../../../../src/engines/embedded/keys/ring-codec.js'
import { RingFile } from '../../../../src/engines/embedded/keys/ring-file.js'
import { GatewayError } from '../../../../src/errors.js'
import { KeyRing } from '../../../../src/secrets/ring.js'
import { parseRootKey } from '../../../../src/secrets/root-key.js'
import { CONTEXT, DAY, open as sealedOpen, seal, unavailable } from '../../../secrets/support.js'
import { now } from '../../../support/now.js'
import { TestClock } from '../../../support/clock.js'

const open = (...args: Parameters<typeof sealedOpen>) => now(sealedOpen(...args))
const root = (byte: number) => parseRootKey(Buffer.alloc(32, byte).toString('base64'))

interface Options { file: string, rootKey?: KeyObject, mayBegin?: boolean, clock?: TestClock }
const openRing = ({ file, rootKey, ...options }: Options) => KeyRing.open({ store: new RingFile(file, rootKey), ...options })

/** A new ring in a directory of its own, on a clock that the test sets. */
async function newRing (t: Test, options: Partial<Options> = {}) {
  const clock = new TestClock()
  const directory = t.testdir()
  const file = join(directory, 'keyring.json')
  const again = (more: Partial<Options> = {}) => openRing({ file, clock, ...options, ...more })
  return { clock, directory, file, again, ring: await again() }
}

const withChecksum = (content: object) =>
  JSON.stringify({ ...content, sha256: createHash('sha256').update(JSON.stringify(content)).digest('hex') })

interface Row { id: string, created_at: string, state: string, retired_at?: string, material?: string }
interface FileContent { version: number, wrapped: boolean, keys: Row[], sha256: string }
const content = (file: string): FileContent => JSON.parse(readFileSync(file, 'utf8'))
const materials = (file: string) => content(file).keys.flatMap(({ material }) => material ?? [])
const mode = (path: string) => statSync(path).mode & 0o777

function thrown (work: () => unknown): GatewayError {
  try {
    work()
  } catch (error) {
    return GatewayError.from(error)
  }
  throw new Error('nothing was thrown')
}

t.test('a first start', async t => {
  t.test('makes a ring of one active key, which its owner alone can read', async t => {
    const directory = join(t.testdir(), 'deep', 'data')
    const file = join(directory, 'keyring.json')
    const ring = await openRing({ file, clock: new TestClock() })
    t.equal(ring.usable, true)
    t.equal(ring.problem, undefined)
    t.match(ring.list(), [{ id: /^key-[0-9a-hjkmnp-tv-z]{26}$/, created_at: '2030-01-01T00:00:00.000Z', state: 'active' }])
    t.equal(now(ring.current()).id, ring.list()[0]!.id)
    t.equal(mode(file), 0o600)
    t.equal(mode(directory), 0o700)
    t.same(readdirSync(directory), ['keyring.json'])
  })
})

t.test('rotation', async t => {
  t.test('replaces the file by another, whole and as private, and leaves nothing beside it', async t => {
    const { ring, file, directory } = await newRing(t)
    const before = statSync(file)
    chmodSync(file, 0o644)
    // As a crash would have left it.
    writeFileSync(`${file}.tmp`, 'half of a ring', { mode: 0o644 })
    await ring.rotate()
    t.not(statSync(file).ino, before.ino)
    t.equal(mode(file), 0o600)
    t.same(readdirSync(directory), ['keyring.json'])
  })

  t.test('goes on after one that was killed in the middle', async t => {
    const { ring, file, directory } = await newRing(t)
    writeFileSync(`${file}.lock`, '')
    utimesSync(`${file}.lock`, 1, 1)
    await ring.rotate()
    t.equal(ring.list().length, 2)
    t.same(readdirSync(directory), ['keyring.json'])
  })

  t.test('keeps a link to the file', async t => {
    const { ring, file, directory, again } = await newRing(t)
    const elsewhere = join(directory, 'elsewhere')
    mkdirSync(elsewhere)
    renameSync(file, join(elsewhere, 'ring'))
    symlinkSync(join(elsewhere, 'ring'), file)
    await ring.rotate()
    t.ok(lstatSync(file).isSymbolicLink())
    t.same(readdirSync(elsewhere), ['ring'])
    t.equal((await again()).list().length, 2)
  })
})

t.test('pruning', async t => {
  const threeKeys = async (t: Test) => {
    const made = await newRing(t)
    const keys = []
    for (let day = 0; day < 3; day++) {
      if (day > 0) await made.ring.rotate()
      keys.push({ id: now(made.ring.current()).id, material: materials(made.file).at(-1)! })
      made.clock.time += DAY
    }
    const [first, second, third] = keys
    return { ...made, first: first!, second: second!, third: third! }
  }

  t.test('leaves nothing of the key in any file', async t => {
    const { ring, file, directory, first, second, third } = await threeKeys(t)
    writeFileSync(`${file}.tmp`, first.material)
    await ring.prune(({ id }) => id === first.id)
    const text = readdirSync(directory).map(name => readFileSync(join(directory, name), 'latin1')).join('')
    const forms = (base64: string) => [base64, Buffer.from(base64, 'base64').toString('hex'), Buffer.from(base64, 'base64').toString('latin1')]
    t.same(forms(first.material).filter(form => text.includes(form)), [])
    t.same(materials(file), [second.material, third.material])
    t.same(readdirSync(directory), ['keyring.json'])
  })

  t.test('of nothing writes nothing', async t => {
    const { ring, file } = await threeKeys(t)
    const before = statSync(file)
    t.same(await ring.prune(() => false), [])
    t.equal(statSync(file).ino, before.ino)
  })

  t.test('destroys nothing where the callback fails', async t => {
    const { ring, file, directory } = await threeKeys(t)
    const before = readFileSync(file)
    await t.rejects(ring.prune(() => { throw new RangeError('do not know') }), { name: 'RangeError' })
    t.ok(readFileSync(file).equals(before))
    t.same(readdirSync(directory), ['keyring.json'])
    t.equal((await ring.rotate()).id, now(ring.current()).id)
  })
})

t.test('a ring that cannot be used', async t => {
  const whole = await (async () => {
    const { file } = await newRing(t)
    return readFileSync(file, 'utf8')
  })()
  const parsed: FileContent = JSON.parse(whole)
  const { id, material } = parsed.keys[0]!
  const changed = (change: (content: any) => void) => {
    const content = JSON.parse(whole)
    change(content)
    return JSON.stringify(content)
  }
  const withKeys = (...keys: object[]) => withChecksum({ version: 1, wrapped: false, keys })
  const active = parsed.keys[0]!
  const cases: Record<string, string> = {
    empty: '',
    'cut short': whole.slice(0, -20),
    'cut before its key ends': whole.slice(0, whole.indexOf(material!) + 9),
    'with more behind it': whole + '}',
    'no JSON but a key': material!,
    nothing: 'null',
    'a list': '[]',
    'another\'s JSON': '{"keys":[]}',
    'of a later version, without its checksum': changed(content => { content.version = 2 }),
    'without its checksum': changed(content => { delete content.sha256 }),
    'with another key': changed(content => { content.keys[0].material = randomBytes(32).toString('base64') }),
    'with another state': changed(content => { content.keys[0].state = 'retired' }),
    'of no key': withKeys(),
    'with two active keys': withKeys(active, { ...active, id: `key-${'0'.repeat(26)}` }),
    'with one key twice': withKeys(active, { ...active, state: 'retired', retired_at: '2030-01-01T00:00:00.000Z' }),
    'with a key too short': withKeys({ ...active, material: material!.slice(4) }),
    'with material of a destroyed key': withKeys(active, { ...active, id: `key-${'0'.repeat(26)}`, state: 'destroyed', retired_at: '2030-01-01T00:00:00.000Z', destroyed_at: '2030-01-01T00:00:00.000Z' })
  }

  t.test('of a later version: says so, and is left as it is', async t => {
    const text = withChecksum({ version: 2, wrapped: false, keys: [active], more: true })
    const directory = t.testdir({ 'keyring.json': text })
    const ring = await openRing({ file: join(directory, 'keyring.json') })
    t.match(ring.problem, /keyring\.json is of format 2, and this version knows 1: run the version that made it/)
    await t.rejects(ring.rotate(), unavailable(/format 2/))
    t.equal(readFileSync(join(directory, 'keyring.json'), 'utf8'), text)
  })

  for (const [name, text] of Object.entries(cases)) {
    t.test(`${name}: is left as it is and says what to do`, async t => {
      const directory = t.testdir({ 'keyring.json': text })
      const file = join(directory, 'keyring.json')
      const ring = await openRing({ file })
      t.equal(ring.usable, false)
      t.match(ring.problem, /the key ring .*keyring\.json is damaged.*restore/)
      t.same(ring.list(), [])
      t.throws(() => now(ring.current()), unavailable(/key ring/))
      t.throws(() => now(ring.key(id)), unavailable(new RegExp(id)))
      await t.rejects(ring.rotate(), unavailable(/restore/))
      await t.rejects(ring.rotateIfOlderThan(0), unavailable(/restore/))
      await t.rejects(ring.prune(() => true), unavailable(/restore/))
      t.equal(readFileSync(file, 'utf8'), text)
      t.same(readdirSync(directory), ['keyring.json'])
      const all = [ring, ring.problem, thrown(() => now(ring.current())), thrown(() => now(ring.key(id)))]
      const told = inspect(all, { depth: 10, showHidden: true })
      t.notOk(told.includes(material!.slice(0, 8)))
    })
  }

  t.test('with any one byte changed: is refused, or the same', async t => {
    const { rows } = parseRing(whole, undefined)
    const wrong = Array.from(whole, (character, at) => {
      const text = whole.slice(0, at) + String.fromCharCode(character.charCodeAt(0) ^ 1) + whole.slice(at + 1)
      try {
        return isDeepStrictEqual(parseRing(text, undefined).rows, rows) ? '' : `character ${at}`
      } catch (error) {
        return error instanceof UnusableRing ? '' : String(error)
      }
    })
    t.same(wrong.filter(each => each !== ''), [])
  })

  t.test('works again once its file is mended', async t => {
    const { ring, file, clock } = await newRing(t)
    const text = readFileSync(file)
    const sealed = seal(now(ring.current()), CONTEXT, 'secret')
    for (const spoil of [() => writeFileSync(file, 'x'), () => rmSync(file)]) {
      spoil()
      clock.time += 1_000
      t.throws(() => now(ring.current()), unavailable(/key ring/))
      t.equal(ring.usable, false)
      t.equal(open(ring, CONTEXT, sealed).toString(), 'secret', 'a key that was read is still there')
      await t.rejects(ring.rotate(), unavailable(/restore|put it back/))
      writeFileSync(file, text)
      clock.time += 1_000
      t.equal(open(ring, CONTEXT, seal(now(ring.current()), CONTEXT, 'new')).toString(), 'new')
      t.equal(ring.problem, undefined)
    }
  })

  t.test('a directory in its place is left as it is', async t => {
    const file = t.testdir({ 'keyring.json': {} }) + '/keyring.json'
    const ring = await openRing({ file })
    t.match(ring.problem, /EISDIR/)
    t.ok(statSync(file).isDirectory())
  })

  t.test('a directory that cannot be made or written is its problem', async t => {
    const directory = t.testdir({ data: 'a file' })
    const ring = await openRing({ file: join(directory, 'data', 'keyring.json') })
    t.match(ring.problem, /cannot be used/)
    t.throws(() => now(ring.current()), unavailable(/key ring/))
  })

  t.test('one that is missing is not made where that is not wanted, and taken up when it is there', async t => {
    const { file, directory, ring } = await newRing(t)
    const late = await openRing({ file: join(directory, 'elsewhere.json'), mayBegin: false })
    t.match(late.problem, /is missing.*begin/)
    t.throws(() => now(late.current()), unavailable(/key ring/))
    t.same(readdirSync(directory), ['keyring.json'])
    renameSync(file, join(directory, 'elsewhere.json'))
    await late.refresh()
    t.equal(now(late.current()).id, now(ring.current()).id)
  })

  t.test('a link to nothing is left as it is', async t => {
    const directory = t.testdir({ 'keyring.json': t.fixture('symlink', 'not-mounted/ring') })
    const ring = await openRing({ file: join(directory, 'keyring.json') })
    t.match(ring.problem, /is missing/)
    t.ok(lstatSync(join(directory, 'keyring.json')).isSymbolicLink())
  })

  t.test('a failing write leaves the ring as it was, and in use', async t => {
    const { ring, file, directory } = await newRing(t)
    const before = readFileSync(file)
    mkdirSync(`${file}.tmp`)
    await t.rejects(ring.rotate(), unavailable(/cannot be used/))
    t.ok(readFileSync(file).equals(before))
    t.same(readdirSync(directory).sort(), ['keyring.json', 'keyring.json.tmp'])
    t.equal(now(ring.current()).id, content(file).keys[0]!.id)
    rmSync(`${file}.tmp`, { recursive: true })
    t.equal((await ring.rotate()).id, now(ring.current()).id)
  })
})

t.test('a root key', async t => {
  t.test('wraps the material of every key, and opens it again', async t => {
    const { ring, file, again } = await newRing(t, { rootKey: root(1) })
    const sealed = seal(now(ring.current()), CONTEXT, 'secret')
    await ring.rotate()
    t.equal(content(file).wrapped, true)
    t.same(materials(file).map(text => Buffer.from(text, 'base64').length), [60, 60])
    t.equal(open(await again(), CONTEXT, sealed).toString(), 'secret')
  })

  t.test('wraps a ring that was in clear when somebody says so', async t => {
    const { ring, file, directory, again } = await newRing(t)
    await ring.rotate()
    const clear = materials(file)
    const sealed = seal(now(ring.current()), CONTEXT, 'secret')
    const before = readFileSync(file)
    const refused = await again({ rootKey: root(1) })
    t.match(refused.problem, /is in clear though there is a root key: .* npm run keys -- wrap/)
    await t.rejects(refused.rotate(), unavailable(/in clear/))
    t.ok(readFileSync(file).equals(before), 'it may be anybody\'s')
    await new RingFile(file, root(1)).wrap()
    const wrapped = await again({ rootKey: root(1) })
    t.equal(wrapped.usable, true)
    t.equal(open(wrapped, CONTEXT, sealed).toString(), 'secret')
    t.equal(content(file).wrapped, true)
    t.same(clear.filter(text => readFileSync(file, 'utf8').includes(text)), [])
    t.same(readdirSync(directory), ['keyring.json'])
    t.equal(mode(file), 0o600)
  })

  t.test('does not keep a ring in clear from being read, which stays as it is', async t => {
    const { file, ring } = await newRing(t)
    const before = readFileSync(file, 'utf8')
    const rows = await new RingFile(file, root(1)).read()
    t.same(rows?.map(({ id }) => id), [now(ring.current()).id])
    t.equal(readFileSync(file, 'utf8'), before)
  })

  t.test('that is missing or another leaves the ring alone and is asked for', async t => {
    const { ring, file, again } = await newRing(t, { rootKey: root(1) })
    const before = readFileSync(file)
    const { id } = now(ring.current())
    for (const [rootKey, problem] of [[undefined, /is wrapped by a root key: set ECTX_ROOT_KEY/], [root(2), /is wrapped by another root key, or was changed: set ECTX_ROOT_KEY/]] as const) {
      const locked = await again({ rootKey })
      t.match(locked.problem, problem)
      t.throws(() => now(locked.current()), unavailable(/key ring/))
      t.throws(() => now(locked.key(id)), unavailable(new RegExp(id)))
      await t.rejects(locked.rotate(), unavailable(problem))
      await t.rejects(locked.prune(() => true), unavailable(problem))
    }
    t.ok(readFileSync(file).equals(before))
  })

  t.test('never seals with a ring that is put back in clear', async t => {
    const { ring, file, again, clock } = await newRing(t)
    const clear = readFileSync(file)
    const { id } = now(ring.current())
    await new RingFile(file, root(1)).wrap()
    const wrapped = await again({ rootKey: root(1) })
    writeFileSync(file, clear)
    clock.time += 1_000
    t.throws(() => now(wrapped.current()), unavailable(/key ring/))
    t.match(wrapped.problem, /in clear/)
    t.equal(now(wrapped.key(id)).id, id)
    t.match((await again({ rootKey: root(1) })).problem, /in clear/)
    t.equal(content(file).wrapped, false)
  })

  t.test('proves the whole ring: of which any date, state or place was changed, no key is used', async t => {
    const { ring, file, again } = await newRing(t, { rootKey: root(1) })
    await ring.rotate()
    const whole = content(file)
    const [first, second] = whole.keys as [Row, Row]
    for (const [what, keys] of Object.entries({
      order: [second, first],
      'a key that is gone': [second],
      'a date': [{ ...first, created_at: '2020-01-01T00:00:00.000Z' }, second],
      'when it was retired': [{ ...first, retired_at: '2020-01-01T00:00:00.000Z' }, second],
      'which is active': [{ id: first.id, created_at: first.created_at, state: 'active', material: first.material }, { ...second, state: 'retired', retired_at: first.retired_at }]
    })) {
      writeFileSync(file, withChecksum({ version: whole.version, wrapped: true, keys }))
      const changed = await again({ rootKey: root(1) })
      t.match(changed.problem, /wrapped by another root key, or was changed/, what)
      t.throws(() => now(changed.current()), unavailable(/key ring/), what)
    }
    writeFileSync(file, JSON.stringify(whole))
    t.equal((await again({ rootKey: root(1) })).problem, undefined)
  })
})
