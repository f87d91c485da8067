import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { whileLocked } from '../../src/files/durable-file.js'

const LONG_AGO = new Date('2020-01-01')

function newFile (t: Test) {
  const directory = t.testdir({ file: '0' })
  const file = join(directory, 'file')
  return { file, lock: `${file}.lock`, names: () => readdirSync(directory), content: () => readFileSync(file, 'utf8') }
}

const increment = (file: string) => whileLocked(file, async replace => {
  await replace(String(Number(await readFile(file, 'utf8')) + 1))
})

t.test('of many who change a file at once none loses what another did', async t => {
  const { file, names, content } = newFile(t)
  await Promise.all(Array.from({ length: 12 }, () => increment(file)))
  t.equal(content(), '12')
  t.same(names(), ['file'])
})

t.test('who is stopped while it changes the file finds that another has done so, and changes nothing', async t => {
  const { file, lock, names, content } = newFile(t)
  let go = () => {}
  const stopped = new Promise<void>(resolve => { go = resolve })
  const slow = whileLocked(file, async replace => {
    const before = Number(await readFile(file, 'utf8'))
    await stopped
    await replace(String(before + 1))
  })
  while (!names().includes('file.lock')) await new Promise(resolve => setImmediate(resolve))
  utimesSync(lock, LONG_AGO, LONG_AGO)
  await Promise.all(Array.from({ length: 10 }, () => increment(file)))
  t.equal(content(), '10')
  go()
  await t.rejects(slow, { code: 'unavailable', message: /another process has changed .* meanwhile; try again/ })
  t.equal(content(), '10')
  t.same(names(), ['file'], 'nor does it take away what the others have')
})

t.test('what a process that was killed has left is in nobody\'s way, and does not stay', async t => {
  const { file, lock, names, content } = newFile(t)
  writeFileSync(lock, 'killed')
  writeFileSync(`${file}.tmp`, 'half of it')
  utimesSync(lock, LONG_AGO, LONG_AGO)
  await Promise.all(Array.from({ length: 10 }, () => increment(file)))
  t.equal(content(), '10')
  t.same(names(), ['file'])
})
