/** What is another in each run: where a document shows one again the run must too, and where it shows another, another. */
const NAMES = [
  'ectx_run_exec-[0-9a-z]{26}_[\\w-]{43}',
  'ectx_[\\w-]{43}',
  '(?:exec|key|ver)-[0-9a-z]{26}',
  '[0-9a-z]{9}-\\d{16}',
  '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
  '[0-9a-f]{64}'
]
const TIMES = ['\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z', '\\w{3}, \\d\\d \\w{3} \\d{4} \\d\\d:\\d\\d:\\d\\d GMT']
const CHANGING = new RegExp(`(${[...NAMES, ...TIMES].join('|')})`, 'g')

/** The names of a document, and what they are in this run. */
export type Known = Map<string, string>

/** `command` with what the document's names are in this run. */
export const inThisRun = (command: string, known: Known): string => command.replaceAll(CHANGING, name => known.get(name) ?? name)

/** Where a document does not say what was printed. */
export interface Difference {
  /** From 0, of the lines that are expected. */
  readonly index: number
  /** `undefined` where no more is. */
  readonly expected: string | undefined
  /** Empty where no more was printed. */
  readonly printed: string
}

/**
 * Compares what a command printed with the lines of a document, of which `…` stands for anything on its line and, by
 * itself, for any lines. Names may be others than there, and are then `known`; times may be any.
 * @returns the first difference, `undefined` where there is none
 */
export function difference (lines: readonly string[], printed: string, known: Known): Difference | undefined {
  const text = printed.replaceAll('\r', '').replace(/(?<=[^])\n*$/, '\n')
  const { names, source } = expressionOf(lines, known)
  const match = new RegExp(`^${source}$`).exec(text)
  if (match !== null) {
    names.forEach((name, index) => known.set(name, match[index + 1]!))
    return undefined
  }
  for (let index = lines.length; ; index--) {
    const [same] = new RegExp(`^${expressionOf(lines.slice(0, index), known).source}`).exec(text) ?? []
    if (same !== undefined) return { index, expected: lines[index], printed: text.slice(same.length).split('\n', 1)[0]! }
  }
}

function expressionOf (lines: readonly string[], known: Known): { names: string[], source: string } {
  const names: string[] = []
  const groupOf = (name: string) => `\\${names.indexOf(name) + 1}`
  const changing = (part: string) => {
    const pattern = [...NAMES, ...TIMES].find(pattern => new RegExp(`^${pattern}$`).test(part))!
    if (TIMES.includes(pattern)) return pattern
    if (known.has(part)) return literal(known.get(part)!)
    if (names.includes(part)) return `(?:${groupOf(part)})`
    const others = [...[...known.values()].map(literal), ...names.map(groupOf)]
    names.push(part)
    return `${others.length > 0 ? `(?!${others.join('|')})` : ''}(${pattern})`
  }
  // Of the parts every second is one that changes.
  const lineOf = (line: string) => line.split(CHANGING).map((part, index) => index % 2 === 0 ? literal(part) : changing(part)).join('')
  return { names, source: lines.map(line => line === '…' ? '(?:.*\n)*?' : `${lineOf(line)}\n`).join('') }
}

const literal = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&').replaceAll('…', '.*?')
