import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { backupCommand } from '../../../src/cli/backup-command.js'
import { restoreCommand } from '../../../src/cli/restore-command.js'
import { newDataDir } from '../../support/data-dir.js'

export type Environment = Readonly<Record<string, string>>

export const NO_PROGRESS = { isShown: false, begin () {}, add () {}, end () {} }

/** A directory that is not there yet. */
export const newPlace = (t: Test) => join(mkdtempSync(join(newDataDir(t), 'place-')), 'new')

export const backUp = (env: Environment, to: string, ...more: string[]) =>
  backupCommand(['--to', to, ...more], env, NO_PROGRESS, () => {})

export const restore = (env: Environment, from: string) => restoreCommand(['--from', from], env, NO_PROGRESS, () => {})

/** Where a process was killed before its so manieth call of these functions of `node:fs/promises`, and of `renameSync`. */
const killer = (call: number) => `data:text/javascript,${encodeURIComponent(`
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
let left = ${call}
const counted = (of, name) => {
  const original = of[name]
  of[name] = (...args) => --left > 0 ? original(...args) : process.kill(process.pid, 'SIGKILL')
}
for (const name of ['open', 'writeFile', 'link', 'copyFile', 'rename', 'rm', 'mkdir']) counted(fs.promises, name)
counted(fs, 'renameSync')
syncBuiltinESMExports()
`)}`

/** Runs the command as a process that is killed before that call. Answers whether it came so far. */
export async function killAt (call: number, command: 'backup' | 'restore', args: readonly string[], env: Environment): Promise<boolean> {
  const child = spawn(process.execPath, ['--import', killer(call), `dist/src/cli/${command}.js`, ...args], { env: { PATH: process.env.PATH, ...env } })
  const [stderr, [code, signal]] = await Promise.all([text(child.stderr), once(child, 'close')])
  if (signal !== 'SIGKILL' && code !== 0) throw new Error(stderr)
  return signal === 'SIGKILL'
}
