import t from 'tap'
import { Turns } from '../../src/auth/turns.js'

/** Work that is done when `finish` is called with its name. */
function create () {
  const turns = new Turns()
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const take = (whom: string, name: string) => turns.take(whom, () => {
    begun.push(name)
    return new Promise<string>(resolve => ends.set(name, () => resolve(name)))
  })
  const finish = async (name: string) => {
    ends.get(name)!()
    await new Promise(resolve => setImmediate(resolve))
  }
  return { turns, begun, take, finish }
}

t.test('one piece of work is done at a time, for each in turn', async t => {
  const { begun, take, finish } = create()
  const all = ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'].map(name => take(name[0]!, name))
  t.same(begun, ['a1'])
  for (const [at, name] of ['a1', 'a2', 'b1', 'c1', 'a3', 'b2'].entries()) {
    t.equal(begun[at], name)
    t.equal(begun.length, at + 1)
    await finish(name)
  }
  t.same(await Promise.all(all), ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'])
  const later = take('a', 'a4')
  t.equal(begun.at(-1), 'a4', 'and then there is nothing to wait for')
  await finish('a4')
  t.equal(await later, 'a4')
})

t.test('work that fails is over too', async t => {
  const turns = new Turns()
  const failing = turns.take('a', async () => { throw new Error('failed') })
  const next = turns.take('a', async () => 'done')
  await t.rejects(failing, { message: 'failed' })
  t.equal(await next, 'done')
})

t.test('of whoever has 2,048 pieces of work waiting no more is taken, of others it is', async t => {
  const { turns, take, finish } = create()
  const first = take('a', 'first')
  const waiting = Array.from({ length: 2048 }, () => turns.take('a', async () => {}))
  await t.rejects(turns.take('a', async () => {}), { code: 'resource_exhausted', retryAfterSeconds: 1 })
  const other = turns.take('b', async () => 'b')
  await finish('first')
  t.equal(await other, 'b')
  await Promise.all([first, ...waiting])
})
