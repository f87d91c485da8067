import { Type, type Static } from '@sinclair/typebox'
import { Value, ValueErrorType, type ValueError } from '@sinclair/typebox/value'
import { GatewayError } from '../errors.js'

// No name starts as our tokens do: names reach logs, and a token must not, pasted into the wrong place. Nor is one that
// of a caller of another kind.
const NAME = '^(?!ectx_)(?!(system|anonymous)$)[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$'
export const NAME_EXPECTED = '1 to 64 letters, digits, ".", "_", "@" or "-", not "system" or "anonymous", and not start with "ectx_"'
const TIME = '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d(:\\d\\d(\\.\\d+)?)?(Z|[+-]\\d\\d:\\d\\d)$'
const TIME_EXPECTED = 'a time such as 2030-01-31T00:00:00Z'

const TokenEntrySchema = Type.Object({
  name: Type.String({ pattern: NAME, expected: NAME_EXPECTED }),
  sha256: Type.String({ pattern: '^[0-9A-Fa-f]{64}$', expected: 'the SHA-256 of the token, as 64 hex digits' }),
  role: Type.Union([Type.Literal('operator'), Type.Literal('viewer')], { expected: '"operator" or "viewer"' }),
  expires_at: Type.Optional(Type.String({ pattern: TIME, expected: TIME_EXPECTED }))
}, { additionalProperties: false, expected: 'an object with name, sha256 and role' })

/** One static token as the tokens file holds it. */
export type TokenEntry = Static<typeof TokenEntrySchema>

/**
 * The entries of a tokens file.
 * @throws {GatewayError} that says which entries are wrong, counted from 1, and what to write; it quotes nothing of them
 */
export function tokenEntries (json: unknown): readonly TokenEntry[] {
  if (!Array.isArray(json)) throw new GatewayError('invalid_argument', 'must be a JSON array of entries with name, sha256 and role')
  const problems = json.flatMap((entry, at) => [...new Set(problemsOf(entry))].map(problem => `entry ${at + 1}: ${problem}`))
  if (problems.length === 0) problems.push(...repeated(json, 'name'), ...repeated(json, 'sha256'))
  if (problems.length > 0) throw new GatewayError('invalid_argument', problems.join('; '))
  return json
}

function problemsOf (entry: unknown): string[] {
  const problems = [...Value.Errors(TokenEntrySchema, entry)].map(describe)
  if (problems.length === 0 && Number.isNaN(
    Date.parse((entry as TokenEntry).expires_at ?? '2030-01-31')
  )) return [`expires_at must be ${TIME_EXPECTED}`]
  return problems
}

function describe ({ type, path, schema }: ValueError): string {
  if (type === ValueErrorType.ObjectAdditionalProperties) {
    return 'has a field that is not known; there are name, sha256, role and expires_at'
  }
  return `${path.slice(1) || 'it'} must be ${schema.expected}`
}

function repeated (entries: readonly TokenEntry[], field: 'name' | 'sha256'): string[] {
  const first = new Map<string, number>()
  return entries.flatMap((entry, at) => {
    const value = entry[field].toLowerCase()
    const before = first.get(value)
    if (before === undefined) first.set(value, at)
    return before === undefined ? [] : [`entry ${at + 1}: has the ${field} of entry ${before + 1}; each needs its own`]
  })
}
