import t from 'tap'
import { BenchError } from './bench-error.js'
import { readOptions } from './options.js'

t.test('without arguments it is a whole run against a bare server', async t => {
  t.strictSame(readOptions([]), { quick: false, sizes: [0, 10000, 100000, 1000000], against: undefined })
})

t.test('sizes are those that are given', async t => {
  t.same(readOptions(['--sizes', '0,500', '--quick']).sizes, [0, 500])
})

t.test('against a commit all is measured unless told otherwise, in the order of the bench', async t => {
  t.equal(readOptions(['--against', 'HEAD~1']).against!.rev, 'HEAD~1')
  t.ok(readOptions(['--against', 'HEAD']).against!.measures.length >= 7)
  t.same(readOptions(['--against', 'HEAD', '--only', 'reveal,create']).against!.measures.map(({ name }) => name), ['create', 'reveal'])
  t.equal(readOptions(['--against', 'HEAD', '--processes', '30']).against!.processes, 30)
})

t.test('by default there are enough processes for a verdict, and few where it is to be quick', async t => {
  t.ok(readOptions(['--against', 'HEAD']).against!.processes >= 8)
  t.ok(readOptions(['--against', 'HEAD', '--quick']).against!.processes <= 2)
})

for (const args of [
  ['--against'], ['--agianst', 'HEAD'], ['HEAD'], ['--against', 'HEAD', 'create'],
  ['--sizes', 'many'], ['--sizes', ''], ['--sizes', '-1'], ['--sizes', '1e3'], ['--against', 'HEAD', '--sizes', '0'],
  ['--only', 'create'], ['--processes', '3'], ['--against', 'HEAD', '--only', 'creat'], ['--against', 'HEAD', '--only', ''],
  ['--against', 'HEAD', '--processes', '0'], ['--against', 'HEAD', '--processes', '1.5'], ['--against', 'HEAD', '--processes', '9999']
]) {
  t.test(`refuses ${args.join(' ')}`, async t => {
    t.throws(() => readOptions(args), BenchError)
  })
}
