import { createHash } from 'node:crypto'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { StaticTokens } from '../../src/auth/static-tokens.js'
import type { Watching } from '../../src/files/watched-file.js'

const sha256 = (token: string) => createHash('sha256').update(token).digest('hex')
const entry = (name: string, changes: object = {}) => ({ name, sha256: sha256(`token of ${name}`), role: 'operator', ...changes })
const RUNNER = { kind: 'token', name: 'runner', role: 'operator' }

/** Tokens of a file that holds `content`, looked at on every use; `problems` hears of what is wrong with it later. */
async function openTokens (t: Test, content: unknown, watching: Watching = { checkEveryMs: 0 }) {
  const file = join(t.testdir({ 'tokens.json': JSON.stringify(content) }), 'tokens.json')
  const problems: string[] = []
  const tokens = await StaticTokens.open(file, { ...watching, onProblem: message => problems.push(message) })
  const rewrite = (content: unknown) => writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return { file, tokens, problems, rewrite }
}

t.test('a token is found by its hash, with the name and the role of its entry', async t => {
  const { tokens } = await openTokens(t, [entry('runner'), entry('eyes', { role: 'viewer', sha256: sha256('token of eyes').toUpperCase() })])
  t.same(tokens.find('token of runner'), RUNNER)
  t.same(tokens.find('token of eyes'), { kind: 'token', name: 'eyes', role: 'viewer' })
  for (const other of ['', 'token of', 'token of runner ', 'Token of runner', sha256('token of runner')]) t.equal(tokens.find(other), undefined)
})

t.test('a file without entries knows nobody', async t => {
  const { tokens } = await openTokens(t, [])
  t.equal(tokens.find('token of runner'), undefined)
})

t.test('an entry counts until it expires', async t => {
  const { tokens } = await openTokens(t, [entry('runner', { expires_at: '2030-01-31T01:00:00+01:00' })])
  const expiry = Date.UTC(2030, 0, 31)
  let now = expiry - 1
  t.intercept(Date, 'now', { value: () => now })
  t.same(tokens.find('token of runner'), RUNNER)
  now = expiry
  t.equal(tokens.find('token of runner'), undefined)
})

t.test('a changed file', async t => {
  t.test('is taken where it was written over', async t => {
    const { tokens, rewrite, problems } = await openTokens(t, [entry('runner'), entry('leaver')])
    t.match(tokens.find('token of leaver'), { name: 'leaver' })
    rewrite([entry('runner'), entry('new', { role: 'viewer' })])
    t.equal(tokens.find('token of leaver'), undefined)
    t.match(tokens.find('token of new'), { name: 'new', role: 'viewer' })
    t.same(tokens.find('token of runner'), RUNNER)
    t.same(problems, [])
  })

  t.test('is taken where another file took its place', async t => {
    const { file, tokens, problems } = await openTokens(t, [entry('leaver')])
    writeFileSync(`${file}.next`, JSON.stringify([entry('runner')]))
    renameSync(`${file}.next`, file)
    t.equal(tokens.find('token of leaver'), undefined)
    t.same(tokens.find('token of runner'), RUNNER)
    t.same(problems, [])
  })

  t.test('is not taken where it is broken: the entries stay, and the problem is told once', async t => {
    const { file, tokens, rewrite, problems } = await openTokens(t, [entry('runner')])
    const broken: Array<() => void> = [
      () => rewrite('[{"name":"runner","sha256":"5ecre7'),
      () => rewrite([entry('runner', { sha256: '5ecre7' })]),
      () => rmSync(file)
    ]
    for (const [at, breakIt] of broken.entries()) {
      breakIt()
      for (let use = 0; use < 3; use++) t.same(tokens.find('token of runner'), RUNNER)
      t.equal(problems.length, at + 1)
      t.ok(problems[at]!.includes(file))
      t.notMatch(problems[at], /5ecre7/)
    }
    rewrite([entry('new')])
    t.equal(tokens.find('token of runner'), undefined, 'until it is mended')
    t.match(tokens.find('token of new'), { name: 'new' })
    t.equal(problems.length, 3)
  })

  t.test('is looked at once a second', async t => {
    let now = 5000
    t.intercept(performance, 'now', { value: () => now })
    const { tokens, rewrite } = await openTokens(t, [entry('runner')], {})
    rewrite([])
    now += 999
    t.same(tokens.find('token of runner'), RUNNER)
    now += 1
    t.equal(tokens.find('token of runner'), undefined)
  })
})

t.test('a file that cannot be used is refused, in words that name the entry and quote nothing', async t => {
  const cases: Array<[unknown, RegExp]> = [
    ['{5ecre7', /no valid JSON/],
    [{ tokens: [] }, /array/],
    [['5ecre7'], /entry 1: it must be an object/],
    [[entry('a'), { name: 'b', role: 'viewer' }], /entry 2: sha256 must be .*64 hex/],
    [[entry('a'), entry('b', { sha256: '5ecre7' })], /entry 2: sha256/],
    [[entry('a', { role: '5ecre7' })], /entry 1: role must be "operator" or "viewer"/],
    [[entry('5ecre7 name')], /entry 1: name/],
    [[entry('ectx_5ecre7')], /entry 1: name/],
    [[entry('system')], /entry 1: name/],
    [[entry('a', { ectx_5ecre7: true })], /entry 1: has a field/],
    [[entry('a', { expires_at: '5ecre7' })], /entry 1: expires_at must be .*Z/],
    [[entry('a', { expires_at: '2030-13-01T00:00:00Z' })], /entry 1: expires_at/],
    [[entry('a'), entry('b'), { ...entry('A'), sha256: sha256('other') }], /entry 3: has the name of entry 1/],
    [[entry('a'), { ...entry('b'), sha256: sha256('token of a').toUpperCase() }], /entry 2: has the sha256 of entry 1/]
  ]
  const file = join(t.testdir(), 'tokens.json')
  for (const [content, message] of cases) {
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
    await t.rejects(StaticTokens.open(file), { code: 'invalid_argument', message })
    const error = await StaticTokens.open(file).catch(error => error)
    t.notMatch(inspect(error, { depth: 9 }), /5ecre7/)
  }
  await t.rejects(StaticTokens.open(join(t.testdirName, 'absent.json')), { code: 'invalid_argument', message: /absent\.json.*ENOENT/ })
})

t.test('an inspection shows no hash', async t => {
  const { tokens } = await openTokens(t, [entry('runner')])
  tokens.find('token of runner')
  t.equal(inspect(tokens, { depth: 9, showHidden: true }), 'StaticTokens {}')
})
