import t from 'tap'
import { LevelGate } from '../../../../src/engines/embedded/level/level-gate.js'

/** Work that goes on until `end` is called, and says in `log` when it begins and ends. */
function work (log: string[], name: string) {
  let end = () => {}
  const done = new Promise<void>(resolve => { end = resolve })
  return {
    end,
    run: async () => {
      log.push(`${name} begins`)
      await done
      log.push(`${name} ends`)
      return name
    }
  }
}
const turn = () => new Promise(resolve => setImmediate(resolve))

t.test('reads run side by side, and what runs alone has the database for itself', async t => {
  const gate = new LevelGate()
  const log: string[] = []
  const [one, two, late, alone] = [work(log, 'one'), work(log, 'two'), work(log, 'late'), work(log, 'alone')]
  const reads = [gate.read(one.run), gate.read(two.run)]
  const closing = gate.alone(async () => { await alone.run() })
  reads.push(gate.read(late.run))
  for (const { end } of [one, two, alone, late]) {
    await turn()
    end()
  }
  t.same(await Promise.all(reads), ['one', 'two', 'late'])
  await closing
  t.same(log, ['one begins', 'two begins', 'one ends', 'two ends', 'alone begins', 'alone ends', 'late begins', 'late ends'])
})

t.test('failures reach who asked, and hold up no other', async t => {
  const gate = new LevelGate()
  const failing = async () => { throw new Error('fails') }
  const read = gate.read(failing)
  const alone = gate.alone(failing)
  const late = gate.read(async () => 'late')
  await t.rejects(read, /fails/)
  await t.rejects(alone, /fails/)
  t.equal(await late, 'late')
  await gate.alone(async () => {})
})
