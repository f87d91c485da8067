import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { BenchError } from './bench-error.js'
import { launch } from './launch.js'

const TOLD_LINES = 20

/**
 * Runs a program in `cwd` to its end.
 * @returns what it wrote to standard output
 * @throws {BenchError} `failure` and the last that it said, where it fails
 */
export async function run (command: string, args: readonly string[], cwd: string, failure: string): Promise<string> {
  const child = launch(command, args, { cwd, stderr: 'pipe' })
  const said = Promise.all([text(child.stdout!), text(child.stderr!)])
  const [code] = await once(child, 'close').catch((error: Error) => [error.message])
  const [output, complaint] = await said
  if (code === 0) return output
  const last = (output + complaint).trim().split('\n').slice(-TOLD_LINES).join('\n')
  const how = typeof code === 'string' ? `did not start: ${code}` : `ended with ${code}`
  throw new BenchError(`${failure}: '${command}' ${how}\n${last}`.trim())
}
