import fc from 'fast-check'

// What a caller sends to make a context, from small pools: so that slugs, executions and labels meet often.

export interface Content {
  readonly slug: string
  /** Whether its name gives the slug. */
  readonly isNamed: boolean
  readonly executionId: string
  readonly team?: string
  readonly data: keyof typeof DATA
  readonly ttl?: string
  readonly lease?: string
}

export const SLUGS = ['run-a', 'run-b', 'run-c', 'run-d', 'run-e', 'run-f']
export const EXECUTIONS = ['wfx-1', 'wfx-2']
export const TEAMS = ['data', 'web']
const DEFAULT_TTL_MS = 24 * 3_600_000

interface Value { readonly value: string, readonly is_secret?: true }

const DATA = {
  none: undefined,
  open: { REGION: { value: 'eu' } },
  mixed: { REGION: { value: 'eu' }, TOKEN: { value: 's3cr3t', is_secret: true } },
  other: { REGION: { value: 'us' }, TOKEN: { value: 'an0ther', is_secret: true }, KEY: { value: 'k', is_secret: true } }
} as const satisfies Readonly<Record<string, Readonly<Record<string, Value>> | undefined>>

export const contents: fc.Arbitrary<Content> = fc.record({
  slug: fc.constantFrom(...SLUGS),
  isNamed: fc.boolean(),
  executionId: fc.constantFrom(...EXECUTIONS),
  team: fc.constantFrom(undefined, ...TEAMS),
  data: fc.constantFrom('none', 'open', 'mixed', 'mixed', 'other'),
  ttl: fc.constantFrom(undefined, undefined, '1s', '2.500s', '60s', '60s', '604800s', '604800s'),
  lease: fc.constantFrom(undefined, undefined, '1s', '1.500s', '60s')
})

/** The body of the request, without anything that need not be said. */
export const bodyOf = ({ slug, isNamed, executionId, team, data, ttl, lease }: Content) => withoutAbsent({
  metadata: { ...(isNamed ? { name: slug.replace('run-', 'Run ') } : { slug }), ...(team !== undefined && { labels: { team } }) },
  spec: { execution_id: executionId, data: DATA[data], ttl, lease }
})

/** The pointers of what is in one of two bodies and not in the other, or differs. */
export function differing (one: object, other: object): string[] {
  const [ones, others] = [leavesOf(one), leavesOf(other)]
  return [...new Set([...ones.keys(), ...others.keys()])].filter(pointer => ones.get(pointer) !== others.get(pointer)).sort()
}

function leavesOf (value: unknown, pointer = '', leaves = new Map<string, unknown>()): Map<string, unknown> {
  if (typeof value !== 'object') return leaves.set(pointer, value)
  for (const [name, inner] of Object.entries(value!)) leavesOf(inner, `${pointer}/${name}`, leaves)
  return leaves
}

/** The values as an answer shows them, those of secrets only where it reveals. */
export const shownData = ({ data }: Content, reveals: boolean, secrets: Readonly<Record<string, string>>) => {
  const values: ReadonlyArray<[string, Value]> = Object.entries(DATA[data] ?? {})
  if (values.length === 0) return undefined
  return Object.fromEntries(values.map(([name, { value, is_secret: isSecret = false }]) =>
    [name, isSecret && !reveals ? { is_secret: true } : { value: secrets[name] ?? value, is_secret: isSecret }]))
}

/** The values as an environment. */
export const environmentOf = ({ data }: Content, secrets: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries<Value>(DATA[data] ?? {}).map(([name, { value }]) => [name, secrets[name] ?? value]))

/** The names of the secrets. */
export const secretsIn = ({ data }: Content): string[] =>
  Object.entries<Value>(DATA[data] ?? {}).flatMap(([name, { is_secret: isSecret = false }]) => isSecret ? [name] : [])

/** In milliseconds. */
export const ttlOf = ({ ttl }: Content): number => ttl === undefined ? DEFAULT_TTL_MS : durationOf(ttl)
export const leaseOf = ({ lease }: Content): number | undefined => lease === undefined ? undefined : durationOf(lease)

export const durationOf = (text: string) => Math.round(Number(text.slice(0, -1)) * 1_000)

export const withoutAbsent = <T extends object>(value: T): T => JSON.parse(JSON.stringify(value))
