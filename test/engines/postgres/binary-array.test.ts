import fc from 'fast-check'
import pg from 'pg'
import t from 'tap'
import { bigints, byteas, integers, texts } from '../../../src/engines/postgres/binary-array.js'
import { startPostgres } from '../../support/postgres.js'

const { url } = await startPostgres(t)
const client = new pg.Client({ connectionString: url })
await client.connect()
t.teardown(() => client.end())

const nullable = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null })
// PostgreSQL keeps no NUL in text.
const text = fc.string({ unit: 'grapheme' }).filter(value => !value.includes('\0'))
const int32 = fc.integer()

t.test('what is sent as arrays arrives as it is', t => fc.assert(fc.asyncProperty(
  fc.array(nullable(text)), fc.array(fc.uint8Array()), fc.array(nullable(fc.maxSafeInteger())), fc.array(int32),
  async (strings, bytes, large, small) => {
    const { rows: [row] } = await client.query({
      text: 'SELECT $1::text[] AS strings, $2::bytea[] AS bytes, $3::bigint[] AS large, $4::integer[] AS small',
      values: [texts(strings), byteas(bytes), bigints(large), integers(small)]
    })
    t.same(row.strings, strings)
    t.same(row.bytes.map((value: Buffer) => value.toString('hex')), bytes.map(value => Buffer.from(value).toString('hex')))
    t.same(row.large, large.map(value => value === null ? null : String(value)))
    t.same(row.small, small)
  }
), { numRuns: 200, seed: 12 }))
