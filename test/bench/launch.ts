import { spawn, type ChildProcess } from 'node:child_process'

export interface Surroundings {
  /** Over this process's own. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Where what it says on standard error goes. */
  readonly stderr?: 'inherit' | 'pipe'
}

const running = new Set<ChildProcess>()
process.on('exit', () => { for (const child of running) child.kill('SIGKILL') })
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1))

/** What a gateway that this process was told of is set to is not for those that are measured. */
const inherited = () => Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ECTX_')))

/** Starts a program, with standard output to be read. It ends with this process at the latest. */
export function launch (command: string, args: readonly string[], { env, cwd, stderr = 'inherit' }: Surroundings = {}): ChildProcess {
  const child = spawn(command, args, { env: { ...inherited(), ...env }, cwd, stdio: ['ignore', 'pipe', stderr] })
  running.add(child)
  child.once('close', () => running.delete(child))
  return child
}
