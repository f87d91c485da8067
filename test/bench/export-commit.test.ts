import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { BenchError } from './bench-error.js'
import { commitOf, exportCommit } from './export-commit.js'

const directory = t.testdir({ repository: {} })
const repository = join(directory, 'repository')
const AUTHOR = ['-c', 'user.name=a', '-c', 'user.email=a@example.com']
const git = (...args: string[]) => execFileSync('git', [...AUTHOR, ...args], { cwd: repository, encoding: 'utf8' })

git('init', '--quiet')
for (const text of ['first', 'second']) {
  writeFileSync(join(repository, 'file'), text)
  git('add', 'file')
  git('commit', '--quiet', '--message', text)
}

t.test('a commit is exported as it was, and the checkout stays as it is', async t => {
  writeFileSync(join(repository, 'file'), 'not committed')
  const before = git('status', '--porcelain')
  const target = join(directory, 'exported')
  await exportCommit(repository, await commitOf(repository, 'HEAD~1'), target)
  t.equal(readFileSync(join(target, 'file'), 'utf8'), 'first')
  t.equal(readFileSync(join(repository, 'file'), 'utf8'), 'not committed')
  t.equal(git('status', '--porcelain'), before)
  t.notOk(existsSync(`${target}.tar`))
})

for (const rev of ['nowhere', '', '--help', 'HEAD:file']) {
  t.test(`no commit is called '${rev}'`, async t => {
    await t.rejects(commitOf(repository, rev), BenchError)
  })
}
