import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client } from './client.js'
import { launch } from './launch.js'

const CONNECTIONS = 64
/** As `npm start` has them; the bare server too. */
const NODE_OPTIONS = ['--enable-source-maps', '--min-semi-space-size=16']
const START_MS = 60_000
const QUIET_MS = 100
/** Microseconds of processor time in that time: some four times what a gateway takes that has nothing to do. */
const QUIET_CPU = 2_000
const MOST_QUIET_CHECKS = 200

/** Where a script lies that is named by its place beside this one. */
const beside = (script: string): string => fileURLToPath(new URL(script, import.meta.url))

/** Runs a script to its end. */
export async function finish (script: string, args: readonly string[]): Promise<void> {
  const child = launch(process.execPath, [beside(script), ...args])
  child.stdout!.resume()
  const [code] = await once(child, 'exit')
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

  /** Starts one of the servers that are built here. */
  static async start (script: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Server> {
    return await Server.startNode([...NODE_OPTIONS, beside(script), ...args], env)
  }

  /**
   * Starts Node with a server that says on standard output, in JSON, the `address` where it is ready. What it says later is read
   * and dropped.
   * @throws where it ends, or is not ready in a minute
   */
  static async startNode (args: readonly string[], env?: Readonly<Record<string, string>>, cwd?: string): Promise<Server> {
    const child = launch(process.execPath, args, { env, cwd })
    const address = await new Promise<string>((resolve, reject) => {
      let said = ''
      const listen = (chunk: Buffer) => {
        const ready = /"address":"([^"]+)"/.exec(said += chunk)
        if (ready === null) return
        clearTimeout(timer)
        child.stdout!.off('data', listen).resume()
        resolve(ready[1]!)
      }
      const timer = setTimeout(() => reject(new Error(`the server did not say where it is ready in ${START_MS / 1000} s`)), START_MS)
      child.stdout!.on('data', listen)
      child.once('exit', code => {
        clearTimeout(timer)
        reject(new Error(`the server ended with ${code}`))
      })
    })
    return new Server(child, address)
  }

  /**
   * Microseconds of processor time so far, of all its threads. Of each thread's `schedstat`, since `stat` counts in hundredths
   * of a second, which are many requests; it knows no threads that have ended, and of these a server has none.
   */
  cpu (): number {
    const threads = `/proc/${this.#process.pid}/task`
    return readdirSync(threads).reduce((sum, thread) => sum + parseInt(readFileSync(`${threads}/${thread}/schedstat`, 'latin1')) / 1000, 0)
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
      if (this.cpu() - before <= QUIET_CPU) return
    }
  }

  async stop (): Promise<void> {
    this.client.close()
    if (this.#process.kill()) await once(this.#process, 'exit')
  }
}
