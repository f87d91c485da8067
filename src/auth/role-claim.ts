import type { Role } from './caller.js'

/** The values of the claim that give each role. */
export type RoleValues = Readonly<Record<Role, readonly string[]>>
type Claims = Readonly<Record<string, unknown>>

// Lists in one string, with spaces between (RFC 8693, 4.2). No other claim is split: its text may be anybody's.
const SPACED = new Set(['scope', 'scp'])

/**
 * How claims map to a role. `path` is a claim's name, or names joined by dots; a claim whose name is all of `path` goes
 * first, and `\.` is a dot within a name. The claim is a string or a list of them; `operator` wins over `viewer`.
 */
export function roleByClaim (path: string, roles: RoleValues): (claims: Claims) => Role | undefined {
  const names = path.split(/(?<!\\)\./).map(name => name.replaceAll('\\.', '.'))
  return claims => {
    const claim = own(claims, path) ?? names.reduce(own, claims)
    const values: readonly unknown[] = typeof claim === 'string' && SPACED.has(path) ? claim.split(' ') : [claim].flat()
    const gives = (role: Role) => roles[role].some(value => values.includes(value))
    return gives('operator') ? 'operator' : gives('viewer') ? 'viewer' : undefined
  }
}

const own = (from: unknown, name: string): unknown =>
  typeof from === 'object' && from !== null && Object.hasOwn(from, name) ? (from as Claims)[name] : undefined
