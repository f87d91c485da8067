import t from 'tap'
import { BenchError } from './bench-error.js'
import { startArguments } from './start-arguments.js'

const startedBy = (start?: string) => startArguments(JSON.stringify({ scripts: { start } }), 'abc')

t.test('a gateway is started as its own package says', async t => {
  t.same(startedBy('exec node --enable-source-maps --min-semi-space-size=16 dist/src/main.js'),
    ['--enable-source-maps', '--min-semi-space-size=16', 'dist/src/main.js'])
  t.same(startedBy('node scripts/setup.js && exec node --enable-source-maps dist/src/main.js'), ['--enable-source-maps', 'dist/src/main.js'])
  t.same(startedBy('node dist/src/main.js'), ['dist/src/main.js'])
})

for (const start of [undefined, '', 'tsx src/main.ts', 'node a.js && tsx b.js', 'node "$FILE"']) {
  t.test(`refuses to start by ${start}`, async t => {
    t.throws(() => startedBy(start), BenchError)
  })
}
