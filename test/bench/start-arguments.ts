import { BenchError } from './bench-error.js'

/**
 * The arguments for Node in the start script of a `package.json`, behind its set-up, of the commit called `name`.
 * @throws {BenchError} where it starts with anything else
 */
export function startArguments (packageJson: string, name: string): string[] {
  const start: unknown = JSON.parse(packageJson).scripts?.start
  const [, args] = /(?:^|&& )(?:exec )?node ([\w=./ -]+)$/.exec(String(start)) ?? []
  if (args === undefined) throw new BenchError(`${name} has a start script that is not 'node …', which the bench cannot do as it does`)
  return args.split(' ').filter(arg => arg !== '')
}
