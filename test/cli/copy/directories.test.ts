import { cpSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Level } from 'level'
import t from 'tap'
import { storeCopyCommand } from '../../../src/cli/store-copy-command.js'
import { placesIn } from '../../../src/config/places.js'
import { recordKey } from '../../../src/engines/embedded/level/level-keys.js'
import { RingFile } from '../../../src/engines/embedded/keys/ring-file.js'
import { KeyRing } from '../../../src/secrets/ring.js'
import { newDataDir } from '../../support/data-dir.js'
import { PATH } from '../../support/gateway.js'
import { KIND, newRecord, plain } from '../../support/records.js'
import { copy, directoryWith, inDirectory, newRootKey, openGateway, startCopy } from './support.js'

const records = (count: number) => Array.from({ length: count }, (_, index) => newRecord(`id-${String(index).padStart(4, '0')}`))
/** The command in this process; `onAdd` is called as it goes on. */
const run = (from: string, to: string, onAdd: (ending: AbortController) => void = () => {}) => {
  const ending = new AbortController()
  const progress = { isShown: true, begin () {}, add: () => onAdd(ending), end () {} }
  return storeCopyCommand(['--from', from, '--to', to], {}, { progress, warn () {}, signal: ending.signal })
}

t.test('a record is copied in all its parts, of whatever kind', async t => {
  const full = newRecord('full', {
    kind: 'session',
    scope: 'acme',
    indexed: { b: ['2', '1'], a: [] },
    expireTime: Date.now() + 3_600_000,
    revision: 7,
    body: Buffer.from([0, 255, 10])
  })
  const bare = newRecord('bare', { slug: undefined, indexed: {} })
  const [source, target] = [await directoryWith(t, [full, bare]), newDataDir(t)]
  const result = await copy(source, target)
  t.match(result, {
    code: 0,
    stderr: '',
    stdout: /^copied 2 records; 0 were there already\nverified 2 records \(1 execution_context, 1 session\), checksum sha256:[0-9a-f]{64}\n$/
  })
  await inDirectory(target, async store => {
    for (const record of [full, bare]) t.same(plain(await store.find(record.kind, record.id)), plain(record))
  })
  const again = await copy(source, target)
  t.equal(again.stdout, result.stdout.replace('copied 2 records; 0 were', 'copied 0 records; 2 were'))
  t.equal(again.code, 0)
})

t.test('what has expired, or does so now, is not missed', async t => {
  const source = await directoryWith(t, [newRecord('over', { expireTime: 1 }), newRecord('soon', { expireTime: Date.now() + 5_000 }), newRecord('a')])
  const target = newDataDir(t)
  // Gone from the target before the two are compared.
  const result = await copy(source, target)
  t.match(result.stdout, /^copied [12] records/)
  await inDirectory(target, async store => t.equal(await store.find(KIND, 'over'), undefined))
  await inDirectory(target, store => store.remove(KIND, 'soon'))
  t.equal((await copy(source, target)).code, 0)
})

t.test('one that is stopped goes on when it is run again', async t => {
  const [source, target] = [await directoryWith(t, records(250)), newDataDir(t)]
  await t.rejects(run(source, target, ending => ending.abort()), { code: 'aborted', message: /run the same command again/ })
  const there = await inDirectory(target, async store => (await store.page(KIND, {}, undefined, 999)).records.length)
  t.ok(there > 0 && there < 250)
  const outcome = await run(source, target)
  t.match(outcome?.text, `copied ${250 - there} records; ${there} were there already\nverified 250 records`)
  t.same(outcome?.problems, [])
})

t.test('nothing is overwritten, and what is not the same on both sides is named', async t => {
  const source = await directoryWith(t, [newRecord('changed'), newRecord('renamed', { slug: 'taken' }), newRecord('same')])
  const other = newRecord('changed', { body: Buffer.from('another') })
  const target = await directoryWith(t, [other, newRecord('alone', { slug: 'taken' }), newRecord('same')])
  const { code, stdout, stderr } = await copy(source, target)
  t.equal(code, 1)
  t.match(stdout, /^copied 0 records; 1 were there already\nverified 1 records \(1 execution_context\)/)
  t.same(stderr.split('\n').slice(0, 3), [
    'store:copy: execution_context renamed is not copied: at the target \'alone\' has its slug',
    'store:copy: execution_context changed is another at the target, and is not overwritten',
    'store:copy: execution_context alone is at the target alone'
  ])
  await inDirectory(target, async store => t.same(plain(await store.find(KIND, 'changed')), plain(other)))
})

t.test('a damaged record is named, and all others are copied', async t => {
  const [source, target] = [await directoryWith(t, records(3)), newDataDir(t)]
  const raw = new Level<string, Buffer>(placesIn(source).database, { valueEncoding: 'buffer' })
  await raw.put(recordKey(KIND, 'id-0001'), Buffer.from('garbage'))
  await raw.close()
  t.match(await copy(source, target), {
    code: 1,
    stdout: /^copied 2 records; 0 were there already\nverified 2 records/,
    stderr: /^store:copy: execution_context id-0001 is damaged at the source, and is not copied\nstore:copy: records that are not the same on both sides: 1; /
  })
})

t.test('the ring', async t => {
  const env = (directory: string, rootKey?: string) => ({ ECTX_DATA_DIR: directory, ...(rootKey && { ECTX_ROOT_KEY_FILE: rootKey }) })
  const source = newDataDir(t)
  const gateway = await openGateway(t, env(source))
  const id = await gateway.create('one')
  const keys = await gateway.keys()
  await gateway.close()
  const ring = () => readFileSync(join(source, 'keyring.json'), 'utf8')
  const before = ring()

  t.test('is wrapped by the target’s root key, and stays as it was at the source', async t => {
    const [target, back, rootKey] = [newDataDir(t), newDataDir(t), newRootKey(t)]
    t.equal((await copy(source, target, { ECTX_ROOT_KEY_FILE: rootKey })).code, 0)
    t.equal(ring(), before)
    t.match(readFileSync(join(target, 'keyring.json'), 'utf8'), '"wrapped": true')
    const moved = await openGateway(t, env(target, rootKey))
    t.same(await moved.keys(), keys)
    t.equal(await moved.secretOf(id), 's3cr3t')
    await moved.close()

    const other = newRootKey(t)
    t.match(await copy(target, back), { code: 1, stderr: /^store:copy: --from: .* is wrapped by a root key: set ECTX_ROOT_KEY or --from-root-key-file to it\n$/ })
    t.match(await copy(target, back, { ECTX_ROOT_KEY_FILE: other }), { code: 1, stderr: /wrapped by another root key, or was changed: set ECTX_ROOT_KEY or --from-root-key-file/ })
    t.equal((await copy(target, back, { ECTX_ROOT_KEY_FILE: other }, '--from-root-key-file', rootKey)).code, 0)
    t.equal(await (await openGateway(t, env(back, other))).secretOf(id), 's3cr3t')
  })

  t.test('of a target that has another is left as it is, and nothing is copied', async t => {
    const target = newDataDir(t)
    const own = await KeyRing.open({ store: new RingFile(join(target, 'keyring.json')) })
    t.match(await copy(source, target), { code: 1, stdout: '', stderr: /^store:copy: --to: it has a key ring of its own, [^\n]*\n$/ })
    await own.refresh()
    t.equal(own.list().length, 1)
    await inDirectory(target, async store => t.same([...await store.kinds()], []))
  })

  t.test('that was rotated since is taken over', async t => {
    const [target, rotated] = [newDataDir(t), newDataDir(t)]
    t.equal((await copy(source, target)).code, 0)
    t.equal((await copy(source, rotated)).code, 0)
    const ring = await KeyRing.open({ store: new RingFile(join(rotated, 'keyring.json')) })
    await ring.rotate()
    t.equal((await copy(rotated, target)).code, 0)
    t.same((await new RingFile(join(target, 'keyring.json')).read())?.map(({ state }) => state), ['retired', 'active'])
    t.match(await copy(source, rotated), { code: 1, stderr: /--to: it has a key ring of its own/ })
  })

  t.test('lacks a key that was destroyed, and what that sealed is named', async t => {
    const directory = newDataDir(t)
    const ring = await KeyRing.open({ store: new RingFile(join(directory, 'keyring.json')) })
    await ring.rotate()
    const [sealedBy] = await ring.prune(() => true)
    await inDirectory(directory, store => store.insert(newRecord('a', { sealedBy })))
    t.match(await copy(directory, newDataDir(t)), { code: 1, stdout: /^copied 0 /, stderr: /^store:copy: execution_context a was sealed by a key that is destroyed/ })
  })

  t.test('that is missing is asked for', async t => {
    const bare = newDataDir(t)
    await inDirectory(bare, store => store.insert(newRecord('a', { sealedBy: 'key-1' })))
    t.match(await copy(bare, newDataDir(t)), { code: 1, stdout: '', stderr: /--from: its key ring is missing/ })
  })
})

t.test('a side that a gateway has open is refused', async t => {
  const [source, target] = [await directoryWith(t, records(1)), newDataDir(t)]
  const gateway = await openGateway(t, { ECTX_DATA_DIR: target })
  t.match(await copy(source, target), { code: 1, stdout: '', stderr: /^store:copy: --to: cannot open the data directory .*: another process has it open; stop that process/ })
  t.match(await copy(target, source), { code: 1, stdout: '', stderr: /^store:copy: --from: cannot open .*another process has it open/ })
  await gateway.close()
})

t.test('what is not clear is refused', async t => {
  const directory = newDataDir(t)
  const cases: Array<[args: string[], env: Record<string, string>, message: RegExp]> = [
    [[], {}, /--from is missing/],
    [['--from', directory], {}, /--to is missing/],
    [['--from', directory, '--to', directory], {}, /are the same/],
    [['--from', directory, '--to', `${directory}/.`], {}, /are the same/],
    [['--from', 'postgres://a@db:5432/x', '--to', 'postgres://b@db/x?schema=ectx&sslmode=require'], {}, /are the same/],
    [['--form', directory], {}, /'--form'/],
    [['--from', 'a', '--to', 'b'], { ECTX_KEYRING_FILE: 'ring' }, /each directory needs its own/]
  ]
  for (const [args, env, message] of cases) {
    const { code, stdout, stderr } = await startCopy(args, env).ended
    t.match({ code, stdout }, { code: 2, stdout: '' })
    t.match(stderr.split('\n')[0], message)
    t.match(stderr, /\nUsage: /)
  }
  t.match(await copy('a', 'b', { ECTX_DATADIR: 'x' }), { code: 2, stderr: /did you mean ECTX_DATA_DIR/ })
  t.match(await copy(join(directory, 'absent'), directory), { code: 1, stderr: /--from: it is not the data directory of a gateway/ })
  t.match(await startCopy(['--help']).ended, { code: 0, stdout: /^Usage: npm run store:copy/, stderr: '' })
})

t.test('the trees come along: secrets are opened and shredded there, and what was shredded on either side stays so', async t => {
  const [source, target] = [newDataDir(t), newDataDir(t)]
  const within = async (directory: string, work: (gateway: Awaited<ReturnType<typeof openGateway>>) => Promise<unknown>) => {
    const gateway = await openGateway(t, { ECTX_DATA_DIR: directory })
    await work(gateway)
    await gateway.close()
  }
  const shred = ({ app }: Awaited<ReturnType<typeof openGateway>>, id: string) =>
    app.inject({ method: 'DELETE', url: `${PATH}/${id}?shred=true&view=redacted` })
  const ids: string[] = []
  await within(source, async gateway => { for (const name of ['a', 'b', 'c', 'd']) ids.push(await gateway.create(name)) })
  const [old, database] = [newDataDir(t), newDataDir(t)]
  cpSync(source, database, { recursive: true })
  t.equal((await copy(source, target)).code, 0)
  cpSync(target, old, { recursive: true })
  await within(target, async gateway => {
    for (const id of ids) t.equal(await gateway.secretOf(id), 's3cr3t')
    t.equal((await shred(gateway, ids[0]!)).statusCode, 200)
  })
  await within(source, async gateway => t.equal((await shred(gateway, ids[1]!)).statusCode, 200))
  // The records of before at both, and the trees of now.
  for (const [directory, before] of [[source, database], [target, old]] as const) {
    rmSync(join(directory, 'db'), { recursive: true })
    cpSync(join(before, 'db'), join(directory, 'db'), { recursive: true })
  }
  t.match(await copy(source, target), { code: 1, stderr: /--from: it is older than its audit log/ })
  const { app, close } = await openGateway(t, { ECTX_DATA_DIR: target }, () => {})
  t.same(await Promise.all(ids.map(async id => (await app.inject(`${PATH}/${id}`)).statusCode)), [503, 503, 200, 200])
  await close()
})
