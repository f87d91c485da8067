import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import t, { type Test } from 'tap'
import { encodeRecord } from '../../../../src/engines/embedded/level/level-codec.js'
import { auditKey, expireTimeKey, FORMAT_KEY, recordKey, slugKey } from '../../../../src/engines/embedded/level/level-keys.js'
import { cannotOpen } from '../../../../src/engines/embedded/level/level-errors.js'
import { LevelStore } from '../../../../src/engines/embedded/level/level-store.js'
import { systemClock } from '../../../../src/clock.js'
import type { Reserve } from '../../../../src/engines/embedded/reserve.js'
import type { StoredRecord } from '../../../../src/storage/store.js'
import { newEvent } from '../../../audit/support.js'
import { newDataDir } from '../../../support/data-dir.js'
import { KIND, newRecord, outcomes, plain } from '../../../support/records.js'

/** A store whose files hold `records` and were then changed by `damage`. */
async function damagedStore (t: Test, records: StoredRecord[], damage: (raw: Level<string, Buffer>) => Promise<unknown>) {
  const directory = newDataDir(t)
  const store = await LevelStore.open(directory)
  await Promise.all(records.map(record => store.insert(record)))
  await store.close()
  const raw = new Level<string, Buffer>(directory, { valueEncoding: 'buffer' })
  await damage(raw)
  await raw.close()
  const damaged = await LevelStore.open(directory)
  t.teardown(() => damaged.close())
  return damaged
}

t.test('a damaged record is internal and names its id, and hides no other', async t => {
  const records = ['a', 'b', 'c', 'd'].map(id => newRecord(id, { indexed: { execution_id: ['run'] }, expireTime: 1e15 }))
  const [, whole] = records
  const garbage: Record<string, Buffer> = {
    garbage: Buffer.from('garbage'),
    nothing: Buffer.alloc(0),
    'half of it': encodeRecord(whole!).subarray(0, 20),
    "another's": encodeRecord(records[0]!)
  }
  for (const [what, value] of Object.entries(garbage)) {
    await t.test(`where it holds ${what}`, async t => {
      const store = await damagedStore(t, records, raw => raw.put(recordKey(KIND, 'b'), value))
      const internal = { code: 'internal', message: /'b'/ }
      const others = [records[0], records[2], records[3]]

      await t.rejects(store.find(KIND, 'b'), internal)
      await t.rejects(store.findBySlug(KIND, '', 'slug-b'), internal)
      await t.rejects(store.replace(newRecord('b', { revision: 2 }), 1), internal)
      await t.rejects(store.remove(KIND, 'b'), internal)

      const together = await Promise.allSettled(records.map(({ id }) => store.find(KIND, id)))
      t.match(together[1], { status: 'rejected', reason: internal })
      t.same(together.flatMap(read => read.status === 'fulfilled' ? [plain(read.value)] : []), others.map(plain))
      for (const filter of [{}, { indexed: [{ attribute: 'execution_id', value: 'run' }] }]) {
        const page = await store.page(KIND, filter, undefined, 9)
        t.same(page.damaged, ['b'])
        t.same(page.records.map(plain), others.map(plain).toReversed())
      }

      const { fulfilled, refusals } = await outcomes([
        store.insert(newRecord('e')), store.remove(KIND, 'b'), store.remove(KIND, 'c'), store.insert(newRecord('b', { slug: 'new' })), store.insert(newRecord('f'))
      ])
      t.equal(fulfilled, 3, 'what it shares a batch with is written')
      t.match(refusals, [internal, { code: 'already_exists', existingId: 'b' }])
      t.ok(await store.find(KIND, 'f'))
    })
  }
})

t.test('a slug that leads to no record is internal, not absent', async t => {
  const store = await damagedStore(t, [newRecord('a')], raw => raw.put(slugKey(KIND, '', 'lost'), Buffer.from('gone')))
  await t.rejects(store.findBySlug(KIND, '', 'lost'), { code: 'internal', message: /'gone'/ })
  await t.rejects(store.insert(newRecord('b', { slug: 'lost' })), { code: 'already_exists', existingId: 'gone' })
  t.ok(await store.findBySlug(KIND, '', 'slug-a'))
})

t.test('a slug that leads to the record of another slug is internal', async t => {
  const store = await damagedStore(t, [newRecord('a')], raw => raw.put(slugKey(KIND, '', 'other'), Buffer.from('a')))
  await t.rejects(store.findBySlug(KIND, '', 'other'), { code: 'internal', message: /'a'/ })
})

t.test('an expire time that is lost or damaged is internal, and the record neither there for ever nor gone', async t => {
  for (const damage of [
    (raw: Level<string, Buffer>) => raw.del(expireTimeKey(KIND, 'a')),
    (raw: Level<string, Buffer>) => raw.put(expireTimeKey(KIND, 'a'), Buffer.from('9'))
  ]) {
    const store = await damagedStore(t, [newRecord('a', { expireTime: 1e15 }), newRecord('b', { expireTime: 2 })], damage)
    await t.rejects(store.find(KIND, 'a'), { code: 'internal', message: /'a'/ })
    await t.rejects(store.renew(KIND, 'a', { expireTime: 5 }), { code: 'internal', message: /'a'/ })
    t.same((await store.sweep(9)).removed.map(({ id }) => id), ['b'])
  }
})

t.test('an expired record that cannot be read is not swept, named, and in the way of no other', async t => {
  const records = ['a', 'b', 'c'].map((id, index) => newRecord(id, { expireTime: index + 1 }))
  const store = await damagedStore(t, records, raw => raw.put(recordKey(KIND, 'a'), Buffer.from('garbage')))
  t.same(await store.sweep(1), { removed: [], damaged: ['a'] })
  t.same((await store.sweep(9)).removed.map(({ id }) => id), ['b', 'c'], 'the round goes on behind it')
  t.same(await store.sweep(9), { removed: [], damaged: ['a'] }, 'and the next begins anew')
})

t.test('an audit event that is damaged before it is in the log is told as lost there, and keeps nothing back', async t => {
  const directory = newDataDir(t)
  const store = await LevelStore.open(directory)
  for (const id of ['a', 'b', 'c']) await store.outbox.append(newEvent(id))
  await store.close()
  const raw = new Level<string, Buffer>(directory, { valueEncoding: 'buffer' })
  await raw.put(auditKey(2), Buffer.from('garbage'))
  await raw.close()
  const damaged = await LevelStore.open(directory)
  t.teardown(() => damaged.close())
  const events = (await damaged.outbox.read(0, 9)).map(({ description }) => JSON.parse(`{${description}`))
  t.match(events, [{ context_id: 'a' }, { event: 'lost', count: 1, outcome: 'internal' }, { context_id: 'c' }])
})

t.test('numbers of audit events and changes are never given twice, whatever was forgotten', async t => {
  const directory = newDataDir(t)
  const change = (id: string) => ({ events: [{ kind: KIND, id, data: id }], audit: [newEvent(id)] })
  let last = 0
  for (const id of ['a', 'b', 'c']) {
    const store = await LevelStore.open(directory)
    await store.insert(newRecord(id), change(id))
    t.ok(store.outbox.last > last)
    last = store.outbox.last
    store.outbox.forget(last)
    await store.ready()
    t.same(await store.outbox.read(0, 9), [], 'what the journal has is not kept')
    await store.close()
  }
  const store = await LevelStore.open(directory)
  t.teardown(() => store.close())
  store.outbox.forget(100)
  await store.insert(newRecord('d'), change('d'))
  t.equal(store.outbox.last, 101, 'a journal that is ahead is believed')
  t.same((await store.feed.changes(undefined, 9)).map(({ event }) => event?.id), ['a', 'b', 'c', 'd'])
})

t.test('a database of another format is refused, with what to do', async t => {
  const formats: Array<[(raw: Level<string, Buffer>) => Promise<void>, RegExp]> = [
    [raw => raw.del(FORMAT_KEY), /made before formats had numbers.*remove it, or set ECTX_DATA_DIR/],
    [raw => raw.put(FORMAT_KEY, Buffer.from('3')), /of format 3, and this version knows 2: run the version that made it/],
    // Without the indexes of lists.
    [raw => raw.put(FORMAT_KEY, Buffer.from('1')), /of format 1, and this version knows 2: run the version that made it/],
    [raw => raw.put(FORMAT_KEY, Buffer.from('garbage')), /of format/]
  ]
  for (const [change, message] of formats) {
    await t.rejects(damagedStore(t, [newRecord('a')], change), { code: 'unavailable', message })
  }
})

t.test('a damaged file of the database is named, and it is not opened: LevelDB would lose more, or end the process', async t => {
  const ids = Array.from({ length: 200 }, (_, index) => `id-${index}`)
  const isTable = (name: string) => name.endsWith('.ldb')
  const isLog = (name: string) => name.endsWith('.log')
  const isManifest = (name: string) => name.startsWith('MANIFEST')
  const flip = (file: Buffer, at: number, bit = 1) => {
    file[at]! ^= bit
    return file
  }
  const cases: Record<string, [which: (name: string) => boolean, damage: (file: Buffer) => Buffer | undefined]> = {
    'one bit of a table': [isTable, file => flip(file, Math.floor(file.length / 3))],
    'the index of a table': [isTable, file => flip(file, file.length - 60)],
    'the footer of a table': [isTable, file => flip(file, file.length - 46)],
    'a table that is cut short': [isTable, file => file.subarray(0, -100)],
    'one bit of a log': [isLog, file => flip(file, 100)],
    'the length of the last record of a log': [isLog, file => flip(file, lastRecordOf(file) + 5, 8)],
    'one bit of the manifest': [isManifest, file => flip(file, 20)],
    'CURRENT, which is gone': [name => name === 'CURRENT', () => undefined]
  }
  for (const [what, [which, damage]] of Object.entries(cases)) {
    await t.test(what, async t => {
      const directory = newDataDir(t)
      for (const part of [ids.slice(0, 150), ids.slice(150)]) {
        // Opened again it makes a table of the log.
        const store = await LevelStore.open(directory)
        for (const id of part) await store.insert(newRecord(id, { body: Buffer.from(`text of ${id}, `.repeat(9)) }))
        await store.close()
      }
      const name = (await readdir(directory)).find(which)!
      const path = join(directory, name)
      const changed = damage(await readFile(path))
      if (changed === undefined) await rm(path)
      else await writeFile(path, changed)
      await t.rejects(LevelStore.open(directory), { code: 'unavailable', message: new RegExp(`${name} is (damaged|missing)`) })
      await t.rejects(LevelStore.open(directory), { code: 'unavailable' }, 'and nothing was done to it')
    })
  }

  t.test('what is left where the database could not be made is none', async t => {
    const directory = newDataDir(t)
    await (await LevelStore.open(directory)).close()
    for (const name of await readdir(directory)) if (!isManifest(name)) await rm(join(directory, name))
    const store = await LevelStore.open(directory)
    await store.insert(newRecord('a'))
    await store.close()
  })

  t.test('a table that a compaction left which did not come to its end is none', async t => {
    const directory = newDataDir(t)
    for (const part of [ids.slice(0, 150), ids.slice(150)]) {
      const store = await LevelStore.open(directory)
      for (const id of part) await store.insert(newRecord(id))
      await store.close()
    }
    const path = join(directory, (await readdir(directory)).find(isTable)!)
    const table = await readFile(path)
    await writeFile(join(directory, '999999.ldb'), table.subarray(0, -100))
    const store = await LevelStore.open(directory)
    t.ok(await store.find(KIND, ids[0]!))
    await store.close()
    t.notMatch(await readdir(directory), ['999999.ldb'])
  })

  t.test('a log that ends in the midst of a write is none', async t => {
    const directory = newDataDir(t)
    const store = await LevelStore.open(directory)
    for (const id of ids) await store.insert(newRecord(id))
    await store.close()
    const path = join(directory, (await readdir(directory)).find(isLog)!)
    const file = await readFile(path)
    await writeFile(path, file.subarray(0, lastRecordOf(file) + 20))
    const cut = await LevelStore.open(directory)
    t.ok(await cut.find(KIND, 'id-198'))
    t.equal(await cut.find(KIND, 'id-199'), undefined)
    await cut.close()
  })
})

/** Where the last record of a log begins that is shorter than a block. */
function lastRecordOf (log: Buffer): number {
  let last = 0
  for (let at = 0; at + 7 <= log.length;) {
    const left = 32_768 - at % 32_768
    if (left < 7) {
      at += left
      continue
    }
    last = at
    at += 7 + log.readUInt16LE(at + 4)
  }
  return last
}

t.test('a directory that cannot be used', async t => {
  const refuses = (t: Test, directory: string, message: RegExp) =>
    t.rejects(LevelStore.open(directory), { code: 'unavailable', message: new RegExp(`${directory}.*${message.source}`) })

  t.test('because a store has it open', async t => {
    const directory = newDataDir(t)
    const store = await LevelStore.open(directory)
    await refuses(t, directory, /another process has it open; .*ECTX_DATA_DIR/)
    await store.insert(newRecord('a'))
    await store.close()
    const next = await LevelStore.open(directory)
    t.ok(await next.find(KIND, 'a'), 'the first was not disturbed, and closing it frees the directory')
    await next.close()
  })

  t.test('because a file is in the way', async t => {
    const directory = t.testdir({ file: '' })
    await refuses(t, join(directory, 'file'), /a file is in the way/)
    await refuses(t, join(directory, 'file', 'db'), /a file is in the way/)
  })

  t.test('because this user may not write there', async t => {
    const directory = t.testdir({ db: {} })
    await (await LevelStore.open(join(directory, 'db'))).close()
    for (const path of ['db', '.']) await chmod(join(directory, path), 0o555)
    // Permissions do not bind root: for a moment this process is nobody.
    const root = process.geteuid?.() === 0
    if (root) process.seteuid?.(65_534)
    try {
      await refuses(t, join(directory, 'db'), /this user may not write there/)
      await refuses(t, join(directory, 'new'), /this user may not write there/)
    } finally {
      if (root) process.seteuid?.(0)
      for (const path of ['.', 'db']) await chmod(join(directory, path), 0o755)
    }
  })

  t.test('because its files are damaged', async t => {
    const directory = t.testdir({ CURRENT: 'nonsense' })
    await refuses(t, directory, /its files are damaged/)
  })

  t.test('for a reason of the operating system: says what to do, or at least the reason', async t => {
    const failing = (code: string, message: string) => cannotOpen('/data', Object.assign(new Error(message), { code })).message
    t.match(failing('EROFS', 'EROFS: read-only file system, mkdir'), /its file system is read-only/)
    t.match(failing('LEVEL_IO_ERROR', 'IO error: /data/LOCK: Read-only file system'), /its file system is read-only/)
    t.match(failing('LEVEL_IO_ERROR', 'IO error: /data/1.log: No space left on device'), /its disk is full/)
    t.match(failing('EMFILE', 'EMFILE: too many open files'), /too many files are open; raise the limit/)
    t.match(failing('LEVEL_IO_ERROR', 'IO error: /no space/LOCK: Permission denied'), /may not write/)
  })

  t.test('is made for its user alone where it is absent', async t => {
    const directory = join(newDataDir(t), 'deep', 'db')
    await (await LevelStore.open(directory)).close()
    for (const path of [directory, join(directory, '..')]) t.equal((await stat(path)).mode & 0o777, 0o700)
  })
})

t.test('a reserve that cannot be given up is in the way of nothing: what a write that failed came to is found out', async t => {
  const reserve = { isFull: false, release: async () => { throw new Error('the disk fails') } } as unknown as Reserve
  const store = await LevelStore.open(newDataDir(t), systemClock, reserve)
  t.teardown(() => store.close())
  const prototype = Level.prototype as unknown as { batch?: unknown }
  const full = Object.assign(new Error('IO error'), { code: 'ENOSPC' })
  /** Fails the next write, once `before` it is done. */
  const failNext = (before: (batch: { write (): Promise<void> }) => Promise<unknown>) => {
    prototype.batch = function (this: object) {
      delete prototype.batch
      const batch = Object.getPrototypeOf(Level.prototype).batch.call(this)
      const write = batch.write.bind(batch)
      batch.write = async (options: object) => {
        await before({ write: () => write(options) })
        throw full
      }
      return batch
    }
  }
  t.teardown(() => { delete prototype.batch })

  failNext(async () => {})
  await t.rejects(store.insert(newRecord('a')), { code: 'unavailable' })
  t.equal(await store.find(KIND, 'a'), undefined)
  failNext(batch => batch.write())
  await store.insert(newRecord('b'))
  t.ok(await store.find(KIND, 'b'), 'it was there')
  await store.insert(newRecord('a'))
  t.ok(await store.find(KIND, 'a'))
})
