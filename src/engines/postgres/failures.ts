import { GatewayError } from '../../errors.js'

/** What PostgreSQL, or the way to it, says by a code, and what an operator can do about it. */
const ADVICE: ReadonlyArray<[codes: RegExp, advice: string]> = [
  [/^28P01$|^28000$/, 'PostgreSQL refuses user or password: mend them in ECTX_STORE, and look into pg_hba.conf'],
  [/^3D000$/, 'there is no such database: make it with createdb, or mend its name in ECTX_STORE'],
  [/^42501$/, 'the user may not do that: make it the owner of the schema, or grant it CREATE on the database'],
  [/^53100$/, 'the disk of PostgreSQL is full: free some space there'],
  [/^53300$/, 'PostgreSQL has no connection left: raise max_connections, or end what holds them'],
  [/^25006$|^57P03$/, 'no host of ECTX_STORE is a primary that can be written: promote one, or wait for it to start'],
  [/^57014$/, 'PostgreSQL took too long: see what holds it up in pg_stat_activity'],
  [/^ENOTFOUND$|^EAI_AGAIN$/, 'no host of ECTX_STORE has an address: mend its name'],
  [/^SELF_SIGNED|^UNABLE_TO_|^DEPTH_ZERO|^CERT_|^ERR_TLS/, 'the certificate of PostgreSQL is not trusted: give its root as sslrootcert in ECTX_STORE'],
  [/^42P01$|^3F000$|^42883$/, 'the schema is not there or is another: start a gateway of this version, which makes it']
]
// What may be over in a moment: connections that were lost or refused, servers that stop, start, or are no primary any more.
const TRANSIENT = /^(?:08...|57P0[1-5]|53300|25006|57014|E[A-Z]+)$/
// What was undone as a whole, because of others, and can be done again at once. 23505 is among it: two that add the same row at one
// time are told so by its key, and the second finds the row when it looks again.
const AGAIN = /^(?:40001|40P01|23505|55P03)$/

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

/** Whether the connection is lost or of no use, so that another may do better. */
export const isTransient = (error: unknown): boolean =>
  error instanceof Error && !(error instanceof GatewayError) && !(error instanceof TypeError) &&
  (TRANSIENT.test(codeOf(error)) || codeOf(error) === '')

/** Whether the same statement may succeed when it is run again on the same connection. */
export const isToBeRepeated = (error: unknown): boolean => AGAIN.test(codeOf(error))

/** What to tell of `cause`: never its own text, which may quote what was sent. */
export function failure (cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause
  const advice = ADVICE.find(([codes]) => codes.test(codeOf(cause)))?.[1]
  const isOurs = !isTransient(cause) && advice === undefined
  return isOurs
    ? new GatewayError('internal', 'the database refused a statement; the log has its reason', { cause })
    : new GatewayError('unavailable', advice ?? 'the database cannot be reached now; try again, and see the log for its reason', { cause })
}
