import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client } from './client.js'

const CONNECTIONS = 64
/** Of the processor times in `/proc`: Linux counts in hundredths of a second. */
const TICK_MICROSECONDS = 10_000
/** As `npm start` has them; the bare server too. */
const NODE_OPTIONS = ['--enable-source-maps', '--min-semi-space-size=16']
const QUIET_MS = 200
const MOST_QUIET_CHECKS = 100

const running = new Set<ChildProcess>()
process.on('exit', () => { for (const child of running) child.kill('SIGKILL') })
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1))

/** Runs a script, named by its place beside this one; it ends with this process at the latest. */
function start (script: string, args: readonly string[], env: Record<string, string> = {}, options: readonly string[] = []): ChildProcess {
  const path = fileURLToPath(new URL(script, import.meta.url))
  const child = spawn(process.execPath, [...options, path, ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] })
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

/** Runs a script to its end. */
export async function finish (script: string, args: readonly string[]): Promise<void> {
  const [code] = await once(start(script, args), 'exit')
  if (code !== 0) throw new Error(`${script} ended with ${code}`)
}

export interface Memory {
  /** Megabytes that are resident: in all, of its own, and of mapped files, which the kernel takes back when it needs them. */
  readonly all: number
  readonly own: number
  readonly files: number
}

/** A server process with the client for it, and what Linux knows of it. */
export class Server {
  readonly client: Client
  readonly #process: ChildProcess

  private constructor (process: ChildProcess, address: string) {
    this.client = new Client(address, CONNECTIONS)
    this.#process = process
  }

  /** Starts a server that says on standard output, in JSON, the `address` where it is ready. What it says later is read and dropped. */
  static async start (script: string, args: readonly string[], env?: Record<string, string>): Promise<Server> {
    const child = start(script, args, env, NODE_OPTIONS)
    const address = await new Promise<string>((resolve, reject) => {
      let said = ''
      const listen = (chunk: Buffer) => {
        const ready = /"address":"([^"]+)"/.exec(said += chunk)
        if (ready === null) return
        child.stdout!.off('data', listen).resume()
        resolve(ready[1]!)
      }
      child.stdout!.on('data', listen)
      child.once('exit', code => reject(new Error(`${script} ended with ${code}`)))
    })
    return new Server(child, address)
  }

  /** Microseconds of processor time so far, of all its threads. */
  cpu (): number {
    const [, fields = ''] = readFileSync(`/proc/${this.#process.pid}/stat`, 'latin1').split(') ')
    const [user, system] = fields.split(' ').slice(11)
    return (Number(user) + Number(system)) * TICK_MICROSECONDS
  }

  memory (): Memory {
    const status = readFileSync(`/proc/${this.#process.pid}/status`, 'latin1')
    const megabytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024
    return { all: megabytes('VmRSS'), own: megabytes('RssAnon'), files: megabytes('RssFile') }
  }

  /** Resolves when it is at rest: after writes LevelDB may compact for a while. */
  async quiet (): Promise<void> {
    for (let checks = 0; checks < MOST_QUIET_CHECKS; checks++) {
      const before = this.cpu()
      await sleep(QUIET_MS)
      if (this.cpu() - before <= TICK_MICROSECONDS) return
    }
  }

  async stop (): Promise<void> {
    this.client.close()
    this.#process.kill()
    await once(this.#process, 'exit')
  }
}
