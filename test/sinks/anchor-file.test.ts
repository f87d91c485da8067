import { appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { AnchorFile, olderAnchor } from '../../src/sinks/anchor-file.js'
import { newDataDir } from '../support/data-dir.js'

t.test('lines are added behind those that are there, also behind half a line', async t => {
  const path = join(newDataDir(t), 'heads')
  await new AnchorFile(path).append('one')
  await appendFile(path, 'tw')
  await new AnchorFile(path).append('three')
  t.equal(await readFile(path, 'utf8'), 'one\ntw\nthree\n')
})

t.test('where it is full it begins anew, and the lines of before are in the older one', async t => {
  const path = join(newDataDir(t), 'heads')
  const file = new AnchorFile(path, 20)
  for (let line = 1; line <= 12; line++) await file.append(`line ${line}`)
  t.equal(await readFile(olderAnchor(path), 'utf8'), 'line 7\nline 8\nline 9\n')
  t.equal(await readFile(path, 'utf8'), 'line 10\nline 11\nline 12\n')
})
