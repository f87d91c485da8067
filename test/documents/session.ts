import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { symlinkSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { Test } from 'tap'
import { newDataDir } from '../support/data-dir.js'
import { freePort } from '../support/free-port.js'
import type { Command } from './commands.js'
import { difference, inThisRun, type Known } from './expectation.js'

/** What npm's scripts need of the checkout. */
const LINKED = ['package.json', 'scripts', 'dist', 'node_modules']
const BEFORE_PORTS = ['127.0.0.1:', 'localhost:', 'ECTX_GRPC_PORT=']

type Shell = ChildProcessByStdio<Writable, Readable, null>
type Gateway = ChildProcessByStdio<null, Readable, Readable>

interface Ran {
  /** What it wrote, standard output and error as they came. */
  readonly output: string
  readonly status: number
}

/**
 * One shell for the commands of a document, in a new directory that npm takes for the built checkout. `npm start` starts a gateway in
 * the place of the one before, on free ports, which the document calls 8080 and 50051. All ends with the test.
 */
export async function startSession (t: Test) {
  const directory = newDataDir(t)
  for (const name of LINKED) symlinkSync(resolve(name), join(directory, name))
  const ports = [[8080, await freePort()], [50051, await freePort()]] as const
  const env = {
    PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
    HOME: directory,
    ECTX_PORT: String(ports[0][1]),
    npm_config_update_notifier: 'false'
  }
  const shell = spawn('bash', { cwd: directory, env, stdio: ['pipe', 'pipe', 'inherit'] })
  const known: Known = new Map()
  let gateway: Gateway | undefined
  t.teardown(async () => {
    shell.kill()
    await stop(gateway)
  })

  const start = async (command: string): Promise<Ran> => {
    await stop(gateway)
    const { output: variables } = await run(shell, 'export -p')
    // A group of its own, since npm starts the gateway in a shell.
    gateway = spawn('bash', ['-c', `${variables}\n${command.replace(/&\s*$/, '')}`], { cwd: directory, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    await untilReady(gateway)
    return { output: '', status: 0 }
  }

  return {
    /** Runs a command. @returns where the document does not say what it prints, `undefined` where it does */
    async differs ({ line, text, prints }: Command) {
      const command = ports.reduce((text, [ours, free]) => withPort(text, ours, free), inThisRun(text, known))
      const { output, status } = /\bnpm start\b/.test(command) ? await start(command) : await run(shell, command)
      const all = status === 0 ? output : `${output.replace(/[^\n]$/, '$&\n')}(exit status ${status})`
      const printed = ports.reduce((text, [ours, free]) => withPort(text, free, ours), all)
      const found = difference(prints, printed, known)
      return found && { line: line + text.split('\n').length + found.index, expected: found.expected, printed: found.printed }
    }
  }
}

const withPort = (text: string, from: number, to: number): string =>
  BEFORE_PORTS.reduce((text, before) => text.replaceAll(`${before}${from}`, `${before}${to}`), text)

/** Runs `command` in `shell` itself, so that what it sets stays set. */
async function run (shell: Shell, command: string): Promise<Ran> {
  const end = randomUUID()
  shell.stdin.write(`eval '${command.replaceAll("'", "'\\''")}' < /dev/null 2>&1\nprintf '%s %s\\n' ${end} $?\n`)
  let text = ''
  for await (const chunk of shell.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    text += chunk
    const [output, status] = text.split(end)
    if (status?.endsWith('\n')) return { output: output!, status: Number(status) }
  }
  throw new Error(`the shell has ended: ${command}`)
}

async function untilReady (gateway: Gateway): Promise<void> {
  let stderr = ''
  gateway.stderr.setEncoding('utf8').on('data', text => { stderr += text })
  const output = createInterface(gateway.stdout)
  const ready = new Promise<void>(resolve => output.on('line', line => { if (line.includes('"msg":"ready"')) resolve() }))
  const failed = once(gateway, 'close').then(() => { throw new Error(`the gateway did not start: ${stderr}`) })
  await Promise.race([ready, failed])
}

async function stop (gateway: Gateway | undefined): Promise<void> {
  if (gateway === undefined || gateway.exitCode !== null || gateway.signalCode !== null) return
  const closed = once(gateway, 'close')
  process.kill(-gateway.pid!, 'SIGTERM')
  await closed
}
