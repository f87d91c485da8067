import { spawnSync } from 'node:child_process'
import { lstatSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { StaticTokens } from '../../src/auth/static-tokens.js'
import { tokenCommand } from '../../src/cli/token-command.js'

const runner = ['--name', 'runner', '--role', 'operator']

t.test('without a tokens file', async t => {
  t.test('a token comes with an entry that makes it known', async t => {
    const { token, note } = (await tokenCommand(runner, undefined))!
    t.match(token, /^ectx_[A-Za-z0-9_-]{43}$/)
    const [entry] = /\{.*\}/.exec(note)!
    const file = join(t.testdir({ 'tokens.json': `[${entry}]` }), 'tokens.json')
    t.same((await StaticTokens.open(file)).find(token), { kind: 'token', name: 'runner', role: 'operator' })
    t.notOk(note.includes(token))
  })

  t.test('no two tokens are the same', async t => {
    const tokens = await Promise.all(Array.from({ length: 20 }, async () => (await tokenCommand(runner, ''))!.token))
    t.equal(new Set(tokens).size, 20)
  })

  t.test('--expires-in counts from now', async t => {
    t.intercept(Date, 'now', { value: () => Date.UTC(2030, 0, 1) })
    const expiries = { '90m': '2030-01-01T01:30:00.000Z', '12h': '2030-01-01T12:00:00.000Z', '30d': '2030-01-31T00:00:00.000Z' }
    for (const [duration, time] of Object.entries(expiries)) {
      const { note } = (await tokenCommand([...runner, '--expires-in', duration], undefined))!
      t.equal(JSON.parse(/\{.*\}/.exec(note)![0]).expires_at, time)
    }
  })
})

t.test('arguments that are not clear are refused by name', async t => {
  const cases: Array<[string[], RegExp]> = [
    [[], /--name must be.*--role must be/],
    [['--name', 'runner'], /--role/],
    [['--name', 'two words', '--role', 'viewer'], /--name/],
    [['--name', 'runner', '--role', 'admin'], /--role/],
    [[...runner, '--expires-in', '30'], /--expires-in/],
    [[...runner, '--expires-in', '0d'], /--expires-in/],
    [[...runner, '--expire', '30d'], /--expire/],
    [[...runner, 'extra'], /extra/]
  ]
  for (const [args, message] of cases) await t.rejects(tokenCommand(args, undefined), { name: 'UsageError', message })
})

t.test('--help makes nothing', async t => {
  const file = join(t.testdir(), 'tokens.json')
  t.equal(await tokenCommand([...runner, '--help'], file), undefined)
  t.same(readdirSync(t.testdirName), [])
})

t.test('with a tokens file', async t => {
  t.test('the entry is added, and only the owner may read the file', async t => {
    const file = join(t.testdir(), 'tokens.json')
    const { token: first } = (await tokenCommand(runner, file))!
    const { token: second, note } = (await tokenCommand(['--name', 'eyes', '--role', 'viewer'], file))!
    const tokens = await StaticTokens.open(file)
    t.match(tokens.find(first), { name: 'runner', role: 'operator' })
    t.match(tokens.find(second), { name: 'eyes', role: 'viewer' })
    t.equal(statSync(file).mode & 0o777, 0o600)
    t.same(readdirSync(t.testdirName), ['tokens.json'])
    t.notOk((note + readFileSync(file)).includes(second))
  })

  t.test('a link to it stays a link', async t => {
    const dir = t.testdir({ 'real.json': '[]' })
    symlinkSync('real.json', join(dir, 'tokens.json'))
    const { token } = (await tokenCommand(runner, join(dir, 'tokens.json')))!
    t.ok(lstatSync(join(dir, 'tokens.json')).isSymbolicLink())
    t.match((await StaticTokens.open(join(dir, 'real.json'))).find(token), { name: 'runner' })
  })

  t.test('a name that is taken and a broken file are refused, and nothing changes', async t => {
    const file = join(t.testdir(), 'tokens.json')
    await tokenCommand(runner, file)
    const before = readFileSync(file, 'utf8')
    await t.rejects(tokenCommand(['--name', 'Runner', '--role', 'viewer'], file), { code: 'already_exists' })
    t.equal(readFileSync(file, 'utf8'), before)
    for (const broken of ['[{', '[{}]', '{}', '']) {
      writeFileSync(file, broken)
      await t.rejects(tokenCommand(runner, file), { code: 'invalid_argument' })
      t.equal(readFileSync(file, 'utf8'), broken)
    }
    t.same(readdirSync(t.testdirName), ['tokens.json'])
  })

  t.test('what keeps the file from being written is told, with the variable', async t => {
    const dir = t.testdir({ file: '', folder: {}, 'broken.json': '[{}]' })
    const cases: Array<[path: string, message: RegExp]> = [
      ['absent/tokens.json', /^ECTX_TOKENS_FILE: .*absent\/tokens\.json cannot be written: there is no directory .*absent; make it/],
      ['file/tokens.json', /^ECTX_TOKENS_FILE: .* cannot be written \(ENOTDIR\): a file is in the way/],
      ['folder', /^ECTX_TOKENS_FILE: .* cannot be written \(EISDIR\): it is a directory/],
      ['broken.json', /^ECTX_TOKENS_FILE: .*entry 1: /],
      ['x'.repeat(300), /^ECTX_TOKENS_FILE: .* \(ENAMETOOLONG\): its name is too long/]
    ]
    for (const [path, message] of cases) await t.rejects(tokenCommand(runner, join(dir, path)), { name: 'GatewayError', message }, path)
    t.same(readdirSync(dir).sort(), ['broken.json', 'file', 'folder'])
  })

  t.test('of many that add at once, each is in the file', async t => {
    const file = join(t.testdir(), 'tokens.json')
    const added = await Promise.all(Array.from({ length: 10 }, (_, at) => tokenCommand(['--name', `runner-${at}`, '--role', 'viewer'], file)))
    const tokens = await StaticTokens.open(file)
    for (const [at, made] of added.entries()) t.match(tokens.find(made!.token), { name: `runner-${at}` })
  })
})

t.test('npm run token', async t => {
  const run = (args: string[], env: Record<string, string> = {}) =>
    spawnSync(process.execPath, ['dist/src/cli/token.js', ...args], { encoding: 'utf8', env: { PATH: process.env.PATH, ...env } })

  t.test('prints the token alone on standard output', async t => {
    const file = join(t.testdir(), 'tokens.json')
    const { status, stdout, stderr } = run(runner, { ECTX_TOKENS_FILE: file })
    t.equal(status, 0)
    t.match((await StaticTokens.open(file)).find(stdout.trim()), { name: 'runner' })
    t.ok(stderr.includes(file))
    t.notOk(stderr.includes(stdout.trim()))
  })

  t.test('says what is wrong and fails', async t => {
    const unclear = run(['--name', 'runner'])
    t.equal(unclear.status, 1)
    t.equal(unclear.stdout, '')
    t.match(unclear.stderr, /--role must be[^]*Usage:/)

    const impossible = run(runner, { ECTX_TOKENS_FILE: join(t.testdir(), 'absent', 'tokens.json') })
    t.equal(impossible.status, 1)
    t.equal(impossible.stdout, '')
    t.equal(impossible.stderr, `token: ECTX_TOKENS_FILE: ${t.testdirName}/absent/tokens.json cannot be written: there is no directory ${t.testdirName}/absent; make it, or name a file elsewhere\n`)

    const misspelt = run(runner, { ECTX_TOKEN_FILE: join(t.testdirName, 'tokens.json') })
    t.equal(misspelt.status, 1)
    t.equal(misspelt.stdout, '')
    t.equal(misspelt.stderr, 'token: ECTX_TOKEN_FILE is not known; did you mean ECTX_TOKENS_FILE?\n')

    t.equal(run(runner, { ECTX_PORT: 'tcp://10.0.0.1:8080' }).status, 0, 'Kubernetes is no obstacle')
  })
})
