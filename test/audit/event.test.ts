import t from 'tap'
import { describe } from '../../src/audit/event.js'
import { newEvent, numbers } from './support.js'

t.test('a line is bounded, whatever the names of what was shown', t => {
  for (const name of ['A', '"', 'ä', '\u0001', '\u2028']) {
    const keys = numbers(1, 1_000).map(number => name.repeat(253 - String(number).length) + number)
    const line = describe(newEvent('a', { keys }), 0)
    t.ok(Buffer.byteLength(line) < 4_500, name)
    const { keys: shown, keys_left_out: leftOut } = JSON.parse(`{${line}`)
    t.same(shown, keys.slice(0, shown.length))
    t.equal(shown.length + leftOut, 1_000)
  }
  t.notMatch(JSON.parse(`{${describe(newEvent('a'), 0)}`), { keys_left_out: Number })
  t.end()
})
