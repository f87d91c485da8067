import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Level } from 'level'
import t from 'tap'
import { versionIn } from '../../../../src/engines/embedded/level/manifest.js'
import { newDataDir } from '../../../support/data-dir.js'

t.test('a manifest tells the tables and the log of a database, however it ends', async t => {
  const directory = newDataDir(t)
  const write = async () => {
    const db = new Level<string, Buffer>(directory, { valueEncoding: 'buffer', writeBufferSize: 65_536 })
    for (let at = 0; at < 3_000; at++) await db.put(`key-${Math.floor(Math.random() * 1e9)}`, randomBytes(1_000))
    await db.close()
  }
  for (let round = 1; round <= 2; round++) {
    await write()
    const names = readdirSync(directory)
    const numbersOf = (ending: string) => names.filter(name => name.endsWith(ending)).map(name => Number.parseInt(name, 10))
    const manifest = readFileSync(join(directory, readFileSync(join(directory, 'CURRENT'), 'utf8').trim()))
    const { tables, log } = versionIn(manifest)
    t.ok(tables.size > 0)
    t.same([...tables].filter(number => !numbersOf('.ldb').includes(number)), [], 'all are there')
    t.ok(numbersOf('.log').includes(log))
    for (let end = 0; end < manifest.length; end += 97) versionIn(manifest.subarray(0, end))
  }
})
