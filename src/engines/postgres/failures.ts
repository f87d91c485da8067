import { GatewayError } from '../../errors.js'

/** No host takes writes: each is a standby, or an old primary. */
export class NoPrimary extends Error {
  readonly code = 'ENOPRIMARY'
}

/** A statement waits for longer than anybody does, though the server is there. */
export class TakesTooLong extends Error {
  readonly code = 'ETOOLONG'
}

/** What PostgreSQL, or the way to it, says by a code, and what an operator can do about it. */
const ADVICE: ReadonlyArray<[codes: RegExp, advice: string]> = [
  [/^28P01$/, 'PostgreSQL refuses the user or its password: mend them in ECTX_STORE'],
  [/^28000$/, 'PostgreSQL lets nobody in from here as that user: add a line to its pg_hba.conf, or use sslmode=verify-full if it wants TLS'],
  [/^3D000$/, 'there is no such database: make it with createdb, or mend its name in ECTX_STORE'],
  [/^42501$/, 'the user may not do that: make it the owner of the schema, or grant it CREATE on the database'],
  [/^53100$/, 'the disk of PostgreSQL is full: free some space there'],
  [/^53300$/, 'PostgreSQL has no connection left: raise max_connections, or end what holds them'],
  [/^25006$/, 'the database can only be read: set default_transaction_read_only to off, or name the host of its primary in ECTX_STORE'],
  [/^ENOPRIMARY$/, 'no host of ECTX_STORE is the primary that was promoted last: promote one, or name its host'],
  [/^57P0[123]$/, 'PostgreSQL starts or stops just now: wait for it, and see its log if it stays so'],
  [/^ETOOLONG$|^57014$/, 'PostgreSQL took too long: see pg_stat_activity for what holds it up. If it waits for SyncRep a synchronous standby is lost: ' +
    'start that, or take it out of synchronous_standby_names'],
  [/^55P03$|^40P01$|^40001$/, 'another session holds for long what is needed: see pg_locks and pg_stat_activity for which, and end it'],
  [/^42P05$|^26000$/, 'a pooler gives each statement another session: have PgBouncer use pool_mode = session, or name PostgreSQL itself in ECTX_STORE'],
  [/^ENOTFOUND$|^EAI_AGAIN$/, 'a host of ECTX_STORE has no address: mend its name'],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, 'the certificate of PostgreSQL is for another host: name the host in ECTX_STORE as the certificate does'],
  [/^SELF_SIGNED|^UNABLE_TO_|^DEPTH_ZERO|^CERT_|^ERR_TLS/, 'the certificate of PostgreSQL is not trusted: give its root as sslrootcert in ECTX_STORE'],
  [/^NO_TLS$/, 'PostgreSQL offers no TLS: set ssl = on there, or take sslmode out of ECTX_STORE'],
  [/^NO_FILE$/, 'a file that ECTX_STORE names cannot be read: see sslrootcert, sslcert and sslkey'],
  [/^42P01$|^3F000$|^42883$/, 'the schema is not there or is another: start a gateway of this version, which makes it']
]
// What may be over in a moment: connections that were lost or refused, servers that stop, start, or are no primary any more.
const TRANSIENT = /^(?:08...|57P0[1-5]|53300|25006|57014|E[A-Z]+|EAI_AGAIN)$/
// What was undone as a whole, because of others, and can be done again at once. 23505 is among it: two that add the same row at one
// time are told so by its key, and the second finds the row when it looks again.
const AGAIN = /^(?:40001|40P01|23505|55P03)$/

function codeOf (error: unknown): string {
  if (!(error instanceof Error)) return ''
  // The only words of the driver that have no code and yet a remedy.
  if (error.message === 'The server does not support SSL connections') return 'NO_TLS'
  if ('syscall' in error && error.syscall === 'open') return 'NO_FILE'
  return 'code' in error && typeof error.code === 'string' ? error.code : ''
}

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
