import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import t, { type Test } from 'tap'
import { encodeRecord } from '../../../../src/engines/embedded/level/level-codec.js'
import { auditKey, expireTimeKey, FORMAT_KEY, recordKey, slugKey } from '../../../../src/engines/embedded/level/level-keys.js'
import { cannotOpen } from '../../../../src/engines/embedded/level/level-errors.js'
import { LevelStore } from '../../../../src/engines/embedded/level/level-store.js'
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
  const change = (id: string) => ({ events: [{ kind: KIND, id, data: Buffer.from(id) }], audit: [newEvent(id)] })
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
  t.same((await store.changes(undefined, 9)).map(({ id }) => id), ['a', 'b', 'c', 'd'])
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

t.test('a damaged file is internal for what was in its damaged part alone', async t => {
  const ids = Array.from({ length: 200 }, (_, index) => `id-${index}`)
  // Numbers without a pattern are kept as they are; text that repeats is compressed.
  let seed = 1
  const noise = () => Buffer.from(Array.from({ length: 500 }, () => (seed = seed * 48_271 % 2_147_483_647) & 0xff))
  const cases: Record<string, { bodyOf: (id: string) => Buffer, damage: (file: Buffer, record: Buffer) => void }> = {
    'one bit of a body': {
      bodyOf: noise,
      damage: (file, body) => { file[file.indexOf(body) + 250]! ^= 1 }
    },
    'a compressed block': {
      bodyOf: id => Buffer.alloc(500, `text of ${id}, `),
      damage: file => { file.fill(0xff, file.length / 2, file.length / 2 + 16) }
    }
  }
  for (const [what, { bodyOf, damage }] of Object.entries(cases)) {
    await t.test(what, async t => {
      const records = ids.map(id => newRecord(id, { body: bodyOf(id) }))
      const store = await damagedStore(t, records, async raw => {
        await raw.open() // makes a table of the log
        await raw.close()
        const [table] = (await readdir(raw.location)).filter(name => name.endsWith('.ldb'))
        const path = join(raw.location, table!)
        const file = await readFile(path)
        damage(file, Buffer.from(records[100]!.body))
        await writeFile(path, file)
      })
      for (const read of [(id: string) => store.find(KIND, id), (id: string) => store.findBySlug(KIND, '', `slug-${id}`)]) {
        const together = await Promise.allSettled(ids.map(read))
        const failed = ids.filter((_, index) => together[index]!.status === 'rejected')
        t.ok(failed.length > 0 && failed.length < 50, `${failed.length} of 200 are damaged`)
        for (const [index, outcome] of together.entries()) {
          if (outcome.status === 'fulfilled') t.same(plain(outcome.value), plain(records[index]))
          else t.match(outcome.reason, { code: 'internal', message: new RegExp(`'${ids[index]}'`) })
        }
        for (const id of failed) await t.rejects(read(id), { code: 'internal', message: new RegExp(`'${id}'`) }, 'also by itself')
      }
      const damaged = (await Promise.allSettled(ids.map(id => store.find(KIND, id)))).flatMap(({ status }, index) => status === 'rejected' ? [ids[index]!] : [])
      const { refusals } = await outcomes([...damaged.map(id => store.remove(KIND, id)), store.insert(newRecord('new'))])
      t.equal(refusals.length, damaged.length)
      for (const refusal of refusals) t.match(refusal, { code: 'internal' })
      t.ok(await store.find(KIND, 'new'))
    })
  }
})

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
