import { mock } from 'node:test'
import t from 'tap'
import { SYSTEM, type Caller } from '../../src/auth/caller.js'
import { GatewayError } from '../../src/errors.js'
import type { CreateCall } from '../../src/resource/call.js'
import { onePerKey } from '../../src/resource/one-per-key.js'

const call = (input: string, idempotencyKey?: string, caller: Caller = SYSTEM): CreateCall<string> =>
  ({ origin: { caller, requestId: 'r' }, input, wantsRunToken: false, idempotencyKey })

/** An operation whose runs the test ends. */
function stage () {
  const began: string[] = []
  const ends = new Map<string, { resolve (): void, reject (error: Error): void }>()
  const operation = onePerKey(({ input }: CreateCall<string>) => new Promise<string>((resolve, reject) => {
    began.push(input)
    ends.set(input, { resolve: () => resolve(input), reject })
  }))
  const turn = () => new Promise(resolve => setImmediate(resolve))
  return { began, operation, end: async (input: string) => { ends.get(input)!.resolve(); await turn() }, ends, turn }
}

t.test('runs calls with one key one after the other, and all others at once', async t => {
  const { began, operation, end } = stage()
  const other: Caller = { kind: 'token', name: 'other', role: 'operator' }
  const all = [call('a', 'k'), call('b', 'k'), call('c', 'k'), call('d', 'l'), call('e'), call('f'), call('g', 'k', other)].map(one => operation(one))
  t.same(began, ['a', 'd', 'e', 'f', 'g'])
  await end('a')
  t.same(began.at(-1), 'b')
  await end('b')
  for (const input of ['c', 'd', 'e', 'f', 'g']) await end(input)
  t.same(await Promise.all(all), ['a', 'b', 'c', 'd', 'e', 'f', 'g'])
  const again = operation(call('h', 'k'))
  t.equal(began.at(-1), 'h', 'what is over is forgotten')
  await end('h')
  t.equal(await again, 'h')
})

t.test('tells who waits too long so, and lets nobody run before the first has ended', async t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const { began, operation, end, turn } = stage()
  const first = operation(call('a', 'k'))
  const second = operation(call('b', 'k'))
  mock.timers.tick(4_999)
  const third = operation(call('c', 'k'))
  mock.timers.tick(1)
  await t.rejects(second, { code: 'aborted', retryAfterSeconds: 1 })
  await turn()
  t.same(began, ['a'])
  await end('a')
  t.equal(await first, 'a')
  t.same(began, ['a', 'c'])
  await end('c')
  t.equal(await third, 'c')
})

t.test('tries once more where the slug was taken meanwhile, for that may have been by the same call elsewhere', async t => {
  const answers: Array<() => Promise<string>> = []
  const operation = onePerKey(async (_call: CreateCall<string>) => answers.shift()!())
  const fail = (code: 'already_exists' | 'unavailable') => async () => { throw new GatewayError(code, code) }
  answers.push(fail('already_exists'), async () => 'replayed')
  t.equal(await operation(call('a', 'k')), 'replayed')
  answers.push(fail('already_exists'), fail('already_exists'))
  await t.rejects(operation(call('a', 'k')), { code: 'already_exists' })
  answers.push(fail('unavailable'), async () => 'not asked')
  await t.rejects(operation(call('a', 'k')), { code: 'unavailable' })
  t.equal(answers.length, 1)
})
