// What a document shows is found wrong where it is, and nowhere else.
import t, { type Test } from 'tap'
import { commandsOf } from './commands.js'
import { startSession } from './session.js'

const ONE = 'exec-00000000000000000000000001'
const OTHER = 'exec-00000000000000000000000002'
const TIME = '2026-11-22T01:20:10.246Z'

const sessionOf = (...lines: string[]) => ['```console', ...lines, '```'].join('\n')

async function differences (t: Test, document: string) {
  const session = await startSession(t)
  const found = []
  for (const command of commandsOf(document)) found.push(await session.differs(command))
  return found.filter(differs => differs !== undefined)
}

t.test('one shell and one gateway serve all blocks of a document', async t => {
  const document = [
    sessionOf('$ export ECTX_STORE=memory', '$ npm start'),
    'Some words.',
    sessionOf(
      '$ CONTEXTS=http://localhost:8080/v1/execution-contexts',
      "$ curl -s $CONTEXTS -H 'Content-Type: application/json' -d @- <<'JSON'",
      '{ "metadata": { "name": "x" },',
      '',
      '  "spec": { "execution_id": "x" } }',
      'JSON',
      `{…"id":"${ONE}"…"created_at":"${TIME}",…}`,
      '',
      `$ curl -s -w '%{http_code}\\n' -o answer.json $CONTEXTS/${ONE}`,
      '200',
      '$ curl -si $CONTEXTS/none; curl -s $CONTEXTS/none',
      'HTTP/1.1 404 Not Found',
      '…',
      'Date: Sun, 22 Nov 2026 01:20:10 GMT',
      '…',
      '',
      '{…"detail":"no ExecutionContext with id \'none\'",…}{…}',
      `$ curl -s -w '%{http_code}\\n' -o answer.json $CONTEXTS/${OTHER}`,
      '404',
      '$ npm start',
      `$ curl -s -w '%{http_code}\\n' -o answer.json $CONTEXTS/${ONE}`,
      '404'
    )
  ].join('\n')
  t.strictSame(await differences(t, document), [])
})

const LIES: Record<string, { session: string[], line: number, expected?: string, printed: string }> = {
  'another status': { session: ['$ echo HTTP/1.1 201 Created', 'HTTP/1.1 200 OK'], line: 3, expected: 'HTTP/1.1 200 OK', printed: 'HTTP/1.1 201 Created' },
  'a line too few': { session: ['$ echo a; echo b', 'a'], line: 4, printed: 'b' },
  'a line too many': { session: ['$ echo a', 'a', 'b'], line: 4, expected: 'b', printed: '' },
  'a blank line too few': { session: ['$ echo a; echo; echo b', 'a', 'b'], line: 4, expected: 'b', printed: '' },
  'nothing where something is printed': { session: ['$ true', '$ echo a'], line: 4, printed: 'a' },
  'standard error': { session: ['$ echo a >&2', 'b'], line: 3, expected: 'b', printed: 'a' },
  'success of what fails': { session: ['$ false'], line: 3, printed: '(exit status 1)' },
  'an end other than what `…` leads to': { session: ['$ echo a; echo b', '…', 'c'], line: 4, expected: 'c', printed: 'a' },
  'an id that was another before': {
    session: [`$ echo ${ONE}`, ONE, `$ printf '%s\\n' ${ONE} ${ONE}`, ONE, OTHER],
    line: 6,
    expected: OTHER,
    printed: ONE
  },
  'one id for two': { session: [`$ echo ${ONE} ${OTHER}`, `${ONE} ${ONE}`], line: 3, expected: `${ONE} ${ONE}`, printed: `${ONE} ${OTHER}` },
  'a time where there is none': { session: ['$ echo today', TIME], line: 3, expected: TIME, printed: 'today' },
  'an expression for the text that it matches': { session: ['$ echo a.b+', 'a+b.'], line: 3, expected: 'a+b.', printed: 'a.b+' }
}

for (const [lie, { session, line, expected, printed }] of Object.entries(LIES)) {
  t.test(`a session that shows ${lie}`, async t => {
    t.strictSame((await differences(t, sessionOf(...session)))[0], { line, expected, printed })
  })
}

t.test('a session that begins with no command, or whose command has no end, is none', async t => {
  t.throws(() => commandsOf(sessionOf('a', '$ echo a')), { message: 'line 2: a session begins with a command' })
  t.throws(() => commandsOf(sessionOf('$ echo "a', 'b')), { message: 'line 2: the command has no end' })
})

t.test('other blocks are no session', async t => {
  t.strictSame(commandsOf('```sh\n$ false\n```\n'), [])
})

t.test('a gateway that does not start fails the session', async t => {
  await t.rejects(differences(t, sessionOf('$ ECTX_STORE=none npm start')), { message: /ECTX_STORE/ })
})
