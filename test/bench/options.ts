import { parseArgs } from 'node:util'
import { BenchError } from './bench-error.js'
import { MEASURES, type Measure } from './measures.js'

export interface AgainstOptions {
  readonly rev: string
  /** Of the other commit; of this checkout there are twice as many. */
  readonly processes: number
  readonly measures: readonly Measure[]
}

export interface Options {
  /** Few and short rounds: whether it works, not how fast. */
  readonly quick: boolean
  /** How many contexts are stored in the gateways that are compared with a bare server. */
  readonly sizes: readonly number[]
  /** The commit to compare with, in place of a bare server. */
  readonly against?: AgainstOptions
}

const USAGE = `npm run bench [-- --quick] [--sizes 0,10000]                           against a bare server
npm run bench -- --against REV [--quick] [--only create,get] [--processes N]   against another commit`

/** What the arguments of `npm run bench` say. @throws {BenchError} where they make no sense */
export function readOptions (args: readonly string[]): Options {
  const { quick, sizes, against: rev, only, processes } = parsed(args)
  if (rev !== undefined && sizes !== undefined) throw new BenchError('--sizes is not for --against: both commits begin with nothing stored')
  if (rev === undefined && (only ?? processes) !== undefined) throw new BenchError('--only and --processes are for --against REV alone')
  return {
    quick,
    sizes: (sizes ?? (quick ? '0,10000' : '0,10000,100000,1000000')).split(',').map(text => number('--sizes', text, 0, 10_000_000)),
    against: rev === undefined
      ? undefined
      : {
          rev,
          processes: number('--processes', processes ?? (quick ? '2' : '12'), 1, 200),
          measures: only === undefined ? MEASURES : named(only.split(','))
        }
  }
}

function parsed (args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        quick: { type: 'boolean', default: false },
        sizes: { type: 'string' },
        against: { type: 'string' },
        only: { type: 'string' },
        processes: { type: 'string' }
      }
    }).values
  } catch (error) {
    throw new BenchError(`${(error as Error).message}\n${USAGE}`)
  }
}

function number (option: string, text: string, least: number, most: number): number {
  if (/^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most) return Number(text)
  throw new BenchError(`${option} must be from ${least} to ${most}, in digits`)
}

/** In the order in which they are measured. */
function named (names: readonly string[]): Measure[] {
  const all = MEASURES.map(({ name }) => name)
  const unknown = names.filter(name => !all.includes(name))
  if (unknown.length > 0) throw new BenchError(`--only knows no '${unknown.join(', ')}'; there are ${all.join(', ')}`)
  return MEASURES.filter(({ name }) => names.includes(name))
}
