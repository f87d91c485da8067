import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { BenchError } from './bench-error.js'
import { exportCommit } from './export-commit.js'
import { run } from './run.js'
import { startArguments } from './start-arguments.js'

/** A gateway that can be started. */
export interface Build {
  readonly name: string
  readonly directory: string
  /** Those of Node with which its `npm start` starts it, in its directory. */
  readonly args: readonly string[]
}

const LOCK = 'package-lock.json'

/** This checkout as `scripts/setup.js` has built it, in `directory`: a copy, so that it may change while it is measured. */
export function buildOfThisCheckout (directory: string): Build {
  mkdirSync(directory)
  cpSync('package.json', join(directory, 'package.json'))
  for (const folder of ['dist', 'openapi/page']) cpSync(folder, join(directory, folder), { recursive: true })
  linkModules(directory)
  return buildIn(directory, 'this checkout')
}

/**
 * Builds `commit` in `directory`, with this checkout's packages where its own are the same.
 * @throws {BenchError} where it does not build
 */
export async function buildOfCommit (commit: string, directory: string): Promise<Build> {
  await exportCommit('.', commit, directory)
  const has = (file: string) => existsSync(join(directory, file))
  if (!['package.json', LOCK, 'tsconfig.build.json'].every(has)) throw new BenchError(`${commit} has no gateway that could be built`)
  const failure = `${commit} does not build`
  if (readFileSync(LOCK).equals(readFileSync(join(directory, LOCK)))) linkModules(directory)
  // The prefix, since npm tells what it starts its own.
  else await run('npm', ['ci', '--include=dev', '--ignore-scripts', `--prefix=${directory}`], directory, failure)
  await run(process.execPath, ['node_modules/typescript/bin/tsc', '--project', 'tsconfig.build.json'], directory, failure)
  return buildIn(directory, commit)
}

const linkModules = (directory: string) => symlinkSync(resolve('node_modules'), join(directory, 'node_modules'))
const buildIn = (directory: string, name: string): Build =>
  ({ name, directory, args: startArguments(readFileSync(join(directory, 'package.json'), 'utf8'), name) })
