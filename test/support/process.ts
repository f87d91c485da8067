import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import type { Test } from 'tap'
import { newDataDir } from './data-dir.js'

export type LogLine = Record<string, unknown>

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stderr: string
}

export interface Options {
  /** `ECTX_…` variables, over any free port and a new data directory. */
  readonly env?: Readonly<Record<string, string>>
  /** Options for Node itself. */
  readonly nodeOptions?: readonly string[]
  /** A command that runs the command behind it, in the same process, such as `nice -n 5`. */
  readonly under?: readonly string[]
  /** A file descriptor that it writes its log to, which is then not read. */
  readonly stdout?: number
}

/** The built server (`dist/`), started as a user would; it is killed when the test ends, if it still runs. */
export function spawnGateway (t: Test, { env = {}, nodeOptions = [], under = [], stdout }: Options = {}) {
  const dataDir = env.ECTX_DATA_DIR ?? newDataDir(t)
  // tap puts itself into every process through NODE_OPTIONS; there it is slower, and other signals end it.
  const child = spawn('env', ['-u', 'NODE_OPTIONS', ...under, process.execPath, ...nodeOptions, 'dist/src/main.js'], {
    env: { PATH: process.env.PATH, ECTX_PORT: '0', ...env, ECTX_DATA_DIR: dataDir },
    stdio: ['ignore', stdout ?? 'pipe', 'pipe']
  })
  const lines: LogLine[] = []
  let stderr = ''
  const output = createInterface(child.stdout ?? Readable.from([]))
  output.on('line', line => { lines.push(JSON.parse(line)) })
  child.stderr!.setEncoding('utf8').on('data', text => { stderr += text })

  const exited = once(child, 'close').then(([code, signal]): Exit => ({ code, signal, stderr }))
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal)
    return exited
  }
  t.teardown(() => end('SIGKILL'))
  return { child, dataDir, lines, output, exited, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') }
}

/** A server that is ready at `address`. `lines` fills with what it logs. */
export async function startProcess (t: Test, options: Options = {}) {
  const gateway = spawnGateway(t, options)
  const ready = new Promise<LogLine>(resolve => gateway.output.on('line', () => {
    const line = gateway.lines.at(-1)
    if (line?.msg === 'ready') resolve(line)
  }))
  const failed = gateway.exited.then(({ stderr }) => { throw new Error(`the server did not start: ${stderr}`) })
  const { address, grpc } = await Promise.race([ready, failed])
  return { ...gateway, address: String(address), grpc: String(grpc), pid: gateway.child.pid! }
}
