import { randomUUID } from 'node:crypto'
import { copyFile, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { AuditEvent } from '../../../../src/audit/event.js'
import { openAuditFiles } from '../../../../src/engines/embedded/audit/audit-files.js'
import { PackedFile } from '../../../../src/engines/embedded/audit/packed-file.js'
import { verify } from '../../../../src/engines/embedded/audit/verify.js'
import { MemoryOutbox } from '../../../../src/engines/memory/memory-outbox.js'
import { newUlid } from '../../../../src/resource/ulid.js'
import { filesOf, linesOf, newEvent, numbers, openFiles, recorded, recordsOf, written } from '../../../audit/support.js'
import { TestClock } from '../../../support/clock.js'
import { newDataDir } from '../../../support/data-dir.js'
import { until } from '../../../support/until.js'

const LIVES = 2_000

/** The four events of a life, as a gateway that is not idle has them. */
function lifeOf (number: number): AuditEvent[] {
  const context = `exec-${newUlid(Date.UTC(2026, 0, 1) + number)}`
  const execution = newUlid(Date.UTC(2026, 0, 1) + number)
  const of = (event: AuditEvent['event'], operation: string, keys?: string[]): AuditEvent => ({
    event,
    operation,
    caller: { name: `runner-${number % 7}`, kind: 'token' },
    context_id: context,
    slug: `nightly-${execution.slice(-8)}-env`,
    execution_id: `wfx-${execution}`,
    keys,
    request_id: randomUUID(),
    remote_address: `10.1.${number % 3}.${number % 200}`,
    outcome: 'ok'
  })
  const keys = ['API_TOKEN', 'DATABASE_URL']
  return [of('created', 'create', keys), of('revealed', 'get', keys), of('read', 'get'), of('deleted', 'delete')]
}

/** A log of many lives, each of which lasts while hundreds of others begin, in files that are packed but for the last. */
async function packedLog (t: Test) {
  const directory = newDataDir(t)
  const clock = new TestClock()
  const outbox = new MemoryOutbox(clock)
  const log = await openAuditFiles(outbox, { directory, clock, maxFileBytes: 1_000_000 })
  const lives = numbers(1, LIVES).map(lifeOf)
  for (const number of lives.keys()) {
    clock.time++
    outbox.add([0, 1, 600, 700].flatMap((after, event) => lives[number - after]?.[event] ?? []))
    if (number % 200 === 199) await written(log)
  }
  await until(async () => (await filesOf(directory)).filter(name => name.endsWith('.jsonl')).length === 1)
  return { directory, log, ids: lives.map(([created]) => created!.context_id!) }
}

t.test('a life of four events takes less than 300 bytes, and the log is whole', async t => {
  const { directory, log } = await packedLog(t)
  await log.close()
  const packed = (await filesOf(directory)).filter(name => name.endsWith('.z'))
  t.ok(packed.length >= 2)
  const sizes = await Promise.all(packed.map(async name => (await stat(join(directory, name))).size))
  const lines = (await Promise.all(packed.map(name => linesOf(directory, name)))).flat()
  const perLife = 4 * sizes.reduce((a, b) => a + b) / lines.length
  t.comment(`${Math.round(4 * lines.join('\n').length / lines.length)} bytes before, ${Math.round(perLife)} now`)
  t.ok(perLife < 300, `${perLife}`)
  t.same((await verify(directory)).problems, [])
  t.same((await recordsOf(directory)).map(({ sequence }) => sequence), numbers(1, (await recordsOf(directory)).length))
  t.same(await readdir(join(directory, 'index')).catch(() => []), [], 'they have no other index')
})

t.test('queries find in packed files what they found before, and tokens of then go on', async t => {
  const directory = newDataDir(t)
  const lives = numbers(1, 500).map(lifeOf)
  const outbox = new MemoryOutbox(new TestClock())
  const log = await openAuditFiles(outbox, { directory, maxFileBytes: 400_000 })
  // Not enough for the file to be finished.
  outbox.add(lives.slice(0, 450).flat())
  const id = lives[200]![0]!.context_id
  await written(log)
  const ofOne = await log.query({ pageSize: 2, contextId: id })
  const ofAll = await log.query({ pageSize: 700 })
  const before = { one: await recorded(log, { contextId: id }), all: await recorded(log, {}, 1_000) }
  const { execution_id: executionId } = lives[300]![0]!
  t.same(before.one, Array(4).fill(id))
  outbox.add(lives.slice(450).flat())
  await written(log)
  outbox.add([newEvent('last')])
  await written(log)
  await until(async () => (await filesOf(directory))[0]!.endsWith('.z'))
  t.same(await recorded(log, { contextId: id }), before.one)
  t.same(await recorded(log, { executionId }), Array(4).fill(lives[300]![0]!.context_id))
  t.same(await recorded(log, { contextId: 'exec-7' }), [])
  t.same((await recorded(log, {}, 1_000)).slice(0, before.all.length), before.all)
  t.same((await log.query({ pageSize: 700 })).events, ofAll.events, 'to the hash')
  for (const [first, query] of [[ofOne, { contextId: id }], [ofAll, {}]] as const) {
    const { events, verified } = await log.query({ ...query, pageSize: 2, pageToken: first.nextPageToken })
    t.equal(events.length, 2)
    t.ok(verified)
    const after = first.events.at(-1)!.sequence
    t.ok(events[0]!.sequence > after)
    if (!('contextId' in query)) t.equal(events[0]!.sequence, after + 1)
  }
  await log.close()
})

t.test('what was changed in a packed file is found, and not served as proved', async t => {
  const { directory, log, ids } = await packedLog(t)
  await log.close()
  const [name] = await filesOf(directory)
  const path = join(directory, name!)
  const sound = await readFile(path)
  const { directory: { blocks } } = await PackedFile.open(path)
  const at = blocks[1]!
  const problemsAfter = async (position: number) => {
    const bytes = Buffer.from(sound)
    bytes[position]! ^= 1
    await writeFile(path, bytes)
    const { problems } = await verify(directory)
    t.ok(problems.length > 0, `at ${position}`)
    t.ok(problems.every(({ where }) => where === name), `at ${position}: ${JSON.stringify(problems)}`)
    return problems
  }
  t.match(await problemsAfter(at.at + 5), [{ line: blocks[0]!.lines + 3, problem: /was changed/ }], 'the line is named')
  for (let position = at.at + 2 * at.lines; position < at.at + at.length; position += 997) await problemsAfter(position)
  for (let position = at.at + at.length; position < sound.length; position += 4_999) await problemsAfter(position)
  for (let position = sound.length - 20; position < sound.length; position++) await problemsAfter(position)

  const errors: string[] = []
  await problemsAfter(at.at + 5)
  const again = await openFiles(directory, { warn: (message, _cause, level) => { if (level === 'error') errors.push(message) } })
  const contextId = ids[Math.floor(blocks[0]!.sequence / 4) + 5]
  t.equal((await again.query({ pageSize: 10, contextId })).verified, true, 'of another block')
  for (let time = 0; time < 2; time++) t.equal((await again.query({ pageSize: 1_000 })).verified, false)
  t.match(errors.filter(message => message.includes('at byte')).length, 1)
  await again.close()
})

t.test('a crash while a file is packed leaves the one or the other', async t => {
  const { directory, log } = await packedLog(t)
  await log.close()
  const records = await recordsOf(directory)
  const [name] = await filesOf(directory)
  const plain = join(directory, name!.slice(0, -2))
  const lines = `${(await linesOf(directory, name!)).join('\n')}\n`
  const sound = await readFile(join(directory, name!))
  const asIs = async (what: string, isLeft: string[]) => {
    t.same((await verify(directory)).problems, [], what)
    const again = await openFiles(directory, { maxFileBytes: 1_000_000 })
    t.same((await again.query({ pageSize: 1 })).events, [records[0]], what)
    await until(async () => (await filesOf(directory)).filter(other => other.startsWith(name!.slice(0, -2))).join() === isLeft.join())
    await again.close()
    t.same(await recordsOf(directory), records, what)
  }
  await writeFile(plain, lines)
  await asIs('before the file is removed', [name!])
  await writeFile(plain, lines)
  await writeFile(join(directory, `${name}.tmp`), sound.subarray(0, 999))
  await asIs('before the packed one has its name', [name!])
  await writeFile(plain, lines)
  await writeFile(join(directory, name!), sound.subarray(0, 999))
  const again = await openFiles(directory)
  await until(async () => !(await readdir(directory)).includes(name!.slice(0, -2)))
  await again.close()
  t.same(await readFile(join(directory, name!)), sound, 'one that is damaged is made again')
})

t.test('a file that is not as it was written is left as it is, and told', async t => {
  const { directory, log } = await packedLog(t)
  await log.close()
  const [name] = await filesOf(directory)
  const plain = join(directory, name!.slice(0, -2))
  const lines = await linesOf(directory, name!)
  const changed = lines.with(5, lines[5]!.replace('runner', 'sunner'))
  await writeFile(plain, changed.map(line => `${line}\n`).join(''))
  await copyFile(plain, join(directory, name!))
  const told: string[] = []
  const again = await openFiles(directory, { warn: message => { told.push(message) } })
  await until(() => told.some(message => message.includes('not as it was written')))
  await again.close()
  t.same(await linesOf(directory, name!.slice(0, -2)), changed)
  t.match((await verify(directory)).problems, [{ line: 6, problem: /was changed/ }])
})
