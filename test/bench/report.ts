import { compare, type Triple } from './comparison.js'
import { CONFIDENCE, type Estimate } from './estimate.js'
import { median } from './measure.js'
import type { Measure } from './measures.js'
import { hundredths, table, whole } from './table.js'
import { verdict } from './verdict.js'

const UNITS = { cpu: { unit: 'CPU µs', digits: whole }, p50: { unit: 'p50 ms', digits: hundredths } } as const

const ratio = ({ middle, low, high }: Estimate): string => {
  const [one, from, to] = [middle, low, high].map(logarithm => Math.exp(logarithm).toFixed(3))
  return `${one} (${from} to ${to})`
}

const spread = (values: readonly number[], digits: (value: number) => string): string =>
  `${digits(median(values))} (${digits(Math.min(...values))} to ${digits(Math.max(...values))})`

/** What was found of each measure, in each block; `other` is the other commit's name. */
export function report (results: ReadonlyMap<Measure, readonly Triple[]>, other: string): string {
  const compared = [...results].map(([{ name, of }, blocks]) => ({ name, of, blocks, ...compare(blocks) }))
  const rows = compared.map(({ name, of, blocks, ratio: beside, control }) => {
    const { unit, digits } = UNITS[of]
    const that = blocks.map(({ other }) => other)
    const own = blocks.flatMap(({ one, again }) => [one, again])
    return [`${name}, ${unit}`, spread(that, digits), spread(own, digits), ratio(beside), ratio(control), verdict(beside, control)]
  })
  const interval = compared.every(({ ratio }) => ratio.sure)
    ? `and the interval that is right in ${CONFIDENCE * 100} of 100 runs`
    : 'and the least to the greatest: so few processes allow no verdict'
  return `${table([['', other, 'this checkout', 'ratio', 'control', 'verdict'], ...rows])}

Costs are the median of the processes, and the least to the greatest. Ratios are this checkout's over the other's, within groups
of processes that took turns, ${interval}.
The control is one half of this checkout's processes over the other half, by the same means: its interval is what chance does
here. Where there is no verdict, more --processes narrow the intervals.`
}
