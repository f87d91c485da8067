import fc from 'fast-check'
import t from 'tap'
import { GatewayError } from '../../../src/errors.js'
import { parseJsonBody } from '../../../src/server/json/json-body.js'

// The same inputs each time; another seed looks elsewhere.
fc.configureGlobal({ seed: 20 })

const parse = (body: string | Buffer) => parseJsonBody(Buffer.from(body)).value

function refusal (body: string | Buffer): string {
  try {
    parse(body)
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'invalid_argument' && error.violations[0]?.pointer === '') return error.message
    throw error
  }
  return 'none'
}

t.test('parses JSON, and takes an empty body for none', async t => {
  t.same(parse('{"a":[1,true,null,"é\\u00e9\\ud83d\\ude00"]}'), { a: [1, true, null, 'éé😀'] })
  t.equal(parse(''), undefined)
  fc.assert(fc.property(fc.jsonValue(), value => JSON.stringify(parse(JSON.stringify(value))) === JSON.stringify(value)), { numRuns: 50 })
})

t.test('says at which line and column text stops being JSON', async t => {
  for (const [body, line, column] of [
    ['{', 1, 2],
    ['{]', 1, 2],
    ['  ', 1, 3],
    ['{"a": tru}', 1, 7],
    ['{"a": 01}', 1, 8],
    ['{"a": 1.}', 1, 8],
    ['{"a": -}', 1, 7],
    ['{"a" 1}', 1, 6],
    ['{"a": 1,}', 1, 9],
    ['[1,]', 1, 4],
    ['[1 2]', 1, 4],
    ['{"a": 1 "b": 2}', 1, 9],
    ['{"a": [1, 2}', 1, 12],
    ['{a: 1}', 1, 2],
    ["{'a': 1}", 1, 2],
    ['{} {}', 1, 4],
    ['{"a": "no end', 1, 7],
    ['{"a": "tab\t"}', 1, 7],
    ['{"a": "\\x"}', 1, 7],
    ['{"a": "\\u12"}', 1, 7],
    ['// no comment\n{}', 1, 1],
    ['{\n  "a": 1,\n  "b": nope\n}', 3, 8],
    ['{\r\n  "é": [\r\n', 3, 1],
    ['\ufeff\ufeff{}', 1, 1],
    ['\ufeff{"a": nope}', 1, 7],
    ['{}\ufeff', 1, 3],
    ['\u00a0{}', 1, 1]
  ] as const) {
    t.equal(refusal(body), `the body is not valid JSON at line ${line}, column ${column}`, body)
  }
})

t.test('points at what does not belong, wherever it stands', async t => {
  fc.assert(fc.property(fc.jsonValue(), fc.constantFrom(0, 2), fc.nat(), (value, indent, at) => {
    const json = JSON.stringify(value, null, indent)
    const place = at % (json.length + 1)
    const broken = `${json.slice(0, place)}@${json.slice(place)}`
    const [, line, column] = /line (\d+), column (\d+)/.exec(refusal(broken)) ?? []
    // In a string it does belong.
    if (line === undefined) return true
    const offset = broken.split('\n').slice(0, Number(line) - 1).reduce((sum, text) => sum + text.length + 1, 0) + Number(column) - 1
    // Exactly there, or at the beginning of the word that it breaks.
    return /^[\w.+-]*@|^".*@$/.test(broken.slice(offset, place + 1))
  }), { numRuns: 200 })
})

t.test('quotes no broken text', async t => {
  const canary = 'c4n4ry'
  for (const body of [canary, `"${canary}`, `{"a": "${canary}`, `{"a": "${canary}", "b"`, `{"a": ${canary}}`, `{"${canary}" "x"}`, `["${canary}\\x"]`, `{"a":"${canary}\n"}`]) {
    t.match(refusal(body), 'not valid JSON')
    t.notMatch(refusal(body), canary)
  }
})

t.test('refuses text that is not UTF-8', async t => {
  for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82]]) {
    t.equal(refusal(Buffer.from([0x22, ...bytes, 0x22])), 'the body is not valid UTF-8')
  }
})

t.test('says of UTF-16 and UTF-32 what they are, with a byte order mark and without', async t => {
  const utf16le = (text: string) => Buffer.from(text, 'utf16le')
  const utf32le = (text: string) => Buffer.from(Uint32Array.from(text, unit => unit.codePointAt(0)!).buffer)
  for (const text of ['"x"', '{"a":1}', '[]', '7 ', '\ufeff{}']) {
    for (const bytes of [utf16le(text), utf16le(text).swap16(), utf32le(text), utf32le(text).swap32()]) {
      t.equal(refusal(bytes), 'the body is UTF-16 or UTF-32; send it as UTF-8')
    }
  }
})

t.test('takes no byte order mark for a part of the body', async t => {
  t.same(parse('\ufeff{"a":"\ufeff"}'), { a: '\ufeff' })
  t.equal(parse('\ufeff'), undefined)
})

/** The pointers and sentences of what is wrong with JSON that can be parsed. */
const flaws = (body: string) => parseJsonBody(Buffer.from(body)).flaws.map(({ pointer, detail }) => [pointer, detail])
const TWICE = 'is named more than once; name each field once'
const PROTO = 'must not be named __proto__'
const HALF = 'must not have half of a surrogate pair'

t.test('finds half of a surrogate pair, in values and in names', async t => {
  for (const [body, pointer, detail = HALF] of [
    ['"\\ud83d"', ''], ['"\\uDE00x"', ''], ['["\\ude00\\ud83d"]', '/0'], ['[[],{"a":[1,"x","\\uD83D"]}]', '/1/a/2'], ['{"a":{"b":["\\uD83D"]}}', '/a/b/0'],
    ['{"a":"\\uD83D","a":"x"}', '/a'], ['{"a~/":"\\uD83D"}', '/a~0~1'],
    ['{"x\\ud83d":1}', '/x\ud83d', `the key ${HALF}`], ['[{"a":{"\\ude00":"\\ud83d"}}]', '/0/a/\ude00', `the key ${HALF}`]
  ] as const) t.same(flaws(body), [[pointer, detail]], body)
  t.same(flaws('{"😀":"\\ud83d\\ude00 \\\\ud83d"}'), [])
})

t.test('finds __proto__ at any depth, however it is written', async t => {
  for (const name of ['__proto__', '\\u005f_proto__', '__\\u0070roto__', '\\u005F\\u005Fproto\\u005f_', '__prot\\u006f__']) {
    for (const [body, pointer] of [[`{"${name}":{}}`, ''], [`[[{"a":{"${name}":1}}]]`, '/0/0/a'], [`{"spec":{"data":{"${name}":{"value":"x"}}}}`, '/spec/data'], [`{"${name}":1,"${name}":2}`, '']] as const) {
      t.same(flaws(body), [[`${pointer}/__proto__`, PROTO]], body)
    }
  }
  const harmless = '{"a":"__proto__","_proto_":1,"\\\\u005f_proto__":2}'
  t.equal(JSON.stringify(parse(harmless)), harmless)
  t.same(flaws(harmless), [])
})

t.test('finds a name that is given twice, in whatever object and with whatever escape', async t => {
  for (const [body = '', ...pointers] of [
    ['{"a":1,"a":1}', '/a'],
    ['{"K":1,"\\u004b":1}', '/K'],
    ['{"\\u004B":1,"\\u004b":1}', '/K'],
    ['{"a/b":1,"a\\/b":1}', '/a~1b'],
    ['{"😀":1,"\\ud83d\\ude00":1}', '/😀'],
    ['{"":1,"":1}', '/'],
    ['{"1":1,"a":2,"1":3}', '/1'],
    ['{"a":1,"b":{"a":1,"c":[{"d":1},{"d":1,"a":2,"d":3}]},"a":{"b":1,"b":2}}', '/b/c/1/d', '/a', '/a/b'],
    ['{"a":1,"a":2,"a":3}', '/a'],
    ['{"a" :1\n,\t"a"\r: [{"a":1}]}', '/a'],
    ['{"a":{"b":1},"a":{"b":1}}', '/a'],
    ['{"toString":1,"constructor":1,"toString":1}', '/toString'],
    ['[[1,{"a":"{\\"a\\":1,\\"a\\":2}"},{"a":":","a":","}]]', '/0/2/a']
  ]) t.same(flaws(body), pointers.map(pointer => [pointer, TWICE]), body)
  for (const body of ['{"a":1,"A":1,"á":1,"a\u0301":1}', '[{"a":1},{"a":1}]', '{"a":{"a":"a"},"b":["a","a"],"c":":,:"}', '{"\\\\u0061":1,"a":2}']) t.same(flaws(body), [], body)
})

t.test('finds what JSON.parse drops, in whatever value: its own rendering with one name put in twice', async t => {
  const anyName = fc.oneof(fc.constantFrom('a', '"', '\\', ':', ',', '{', '}', '1', ' '), fc.string({ unit: 'grapheme', maxLength: 3 }))
  const value = fc.object({ key: anyName, withNullPrototype: false, maxDepth: 3 })
  fc.assert(fc.property(value, fc.nat(), fc.constantFrom(undefined, 1, '\t'), (object, at, indent) => {
    const json = JSON.stringify(object, null, indent)
    if (Object.hasOwn(object, '__proto__') || json.includes('"__proto__"')) return true
    const before = parseJsonBody(Buffer.from(json))
    if (before.flaws.length > 0) return false
    const names = Object.keys(JSON.parse(json))
    const name = names[at % names.length]
    if (name === undefined) return true
    const twice = json.replace(/\}$/, () => `,${JSON.stringify(name)}:0}`)
    return flaws(twice).join() === ['/' + name.replaceAll('~', '~0').replaceAll('/', '~1'), TWICE].join()
  }), { numRuns: 300 })
})

t.test('lists a hundred flaws at most, of the largest text too', async t => {
  const names = Array.from({ length: 300 }, (_, index) => `"k${index}":1`).join(',')
  t.equal(flaws(`{${names},${names}}`).length, 100)
  const long = '\\n'.repeat(1_000_000)
  t.same(flaws(`{"${long}":"${long}","a":1,"a":2}`).length, 1)
})

t.test('refuses deep nesting, before it builds anything, and however broken the text is', async t => {
  const deep = 'the body is nested more than 32 levels deep'
  t.equal(refusal('['.repeat(32) + ']'.repeat(32)), 'none')
  t.equal(refusal('['.repeat(33) + ']'.repeat(33)), deep)
  t.equal(refusal('{"a":'.repeat(33) + '1' + '}'.repeat(33)), deep)
  t.equal(refusal('['.repeat(2_000_000)), deep)
  t.equal(refusal(`"${'['.repeat(100)}\\"${'['.repeat(100)}"`), 'none', 'brackets in a string do not nest')
  for (const disguise of ['"\n', '/*"*/', '//"\n', "'\"'"]) t.match(refusal(disguise + '['.repeat(500_000)), 'not valid JSON')
})

t.test('refuses more members than any use has, before it builds anything, and however broken the text is', async t => {
  const many = 'the body has more than 10000 fields and items'
  const items = (count: number) => Array(count).fill('""').join(',')
  t.equal(refusal(`[${items(10_000)}]`), 'none')
  t.equal(refusal(`[${items(10_001)}]`), many)
  t.equal(refusal(`{"a":[${items(5000)}],"b":[${items(5000)}]}`), 'none')
  t.equal(refusal(`{"a":[${items(5001)}],"b":[${items(5000)}]}`), many)
  t.equal(refusal(`{${Array.from({ length: 10_001 }, (_, index) => `"${index}":1`).join(',')}}`), many)
  t.equal(refusal(','.repeat(2_000_000)), many)
  t.equal(refusal(`["${','.repeat(20_000)}\\"${','.repeat(20_000)}"]`), 'none', 'commas in a string are none')
})
