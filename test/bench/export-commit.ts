import { mkdirSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { run } from './run.js'

/** The hash, abbreviated, of the commit that `rev` names in `repository`. @throws {BenchError} where there is none */
export async function commitOf (repository: string, rev: string): Promise<string> {
  const failure = `--against must name a commit of this repository, and '${rev}' does not`
  const commit = await run('git', ['rev-parse', '--verify', '--quiet', `${rev}^{commit}`], repository, failure)
  return (await run('git', ['rev-parse', '--short', commit.trim()], repository, failure)).trim()
}

/** Writes the files of `commit` into a new `directory`. Nothing in the checkout or the repository changes. */
export async function exportCommit (repository: string, commit: string, directory: string): Promise<void> {
  const failure = `${commit} cannot be read`
  const archive = resolve(`${directory}.tar`)
  mkdirSync(directory)
  await run('git', ['archive', '--format=tar', `--output=${archive}`, commit], repository, failure)
  await run('tar', ['-xf', archive], directory, failure)
  rmSync(archive)
}
