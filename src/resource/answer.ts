import { timestampMs } from '@bufbuild/protobuf/wkt'
import { andThen, type Awaitable } from '../awaitable.js'
import type { Vault } from '../secrets/vault.js'
import type { StoredRecord } from '../storage/store.js'
import type { Shown, View } from './call.js'
import { hidesSecrets, reveal } from './hidden.js'
import type { Rendering, Resource, ResourceKind } from './kind.js'
import { auditJson, instant } from './metadata-json.js'
import { shownRevision } from './revision.js'
import { sealRecord, type Opened } from './sealed-record.js'

/** A resource as an operation answers it, for any transport. */
export interface Answer<R> extends Shown {
  /** The resource as JSON, ready to send. */
  readonly json: string
  /** The names of the secrets that it shows; absent where it shows none. */
  readonly revealed?: readonly string[]
  /** Whether an earlier call with the same idempotency key made the resource. */
  readonly isReplayed?: boolean
  /** The resource as a message, decoded for each who asks. */
  message (): R
}

/** A resource of which no more was wanted than its size, in bytes of JSON, or nothing at all, since the caller has it. */
export interface Unshown extends Shown {
  readonly bytes?: number
}

/** How a read ends. */
export type Reading<R> = Answer<R> | Unshown

const NO_HASH = new Uint8Array()

/** The record of a resource, its secrets sealed, and the answer that shows it. @throws what the vault throws */
export function sealResource<R extends Resource, More extends object> (
  vault: Vault, kind: ResourceKind<R, More>, resource: R, more: More, view: View, revision = 1
): Awaitable<{ record: StoredRecord, answer: Answer<R> }> {
  const { json: rendered, secrets, shownOnce, accessHash = NO_HASH, leaseMs } = kind.render(resource, more)
  const { id = '', slug = '', org = '' } = resource.metadata ?? {}
  const { audit, expireTime: end } = resource.status ?? {}
  const latestExpireTime = end && timestampMs(end)
  const leaseEnd = leaseMs === undefined ? undefined : timestampMs(audit!.specAudit!.createdAt!) + leaseMs
  const expireTime = earliest(latestExpireTime, leaseEnd)
  const believed = { kind: kind.name, id, scope: kind.scopeOf(org), slug, indexed: kind.indexed(resource), expireTime, revision }
  const json = withStatus(rendered, { audit: audit && auditJson(audit), expire_time: instant(end) })
  const secretsJson = JSON.stringify(secrets)
  return andThen(sealRecord(vault, believed, { json, accessHash, latestExpireTime }, secretsJson), record => ({
    record,
    answer: shown(kind, record, view, json, view === 'full' && hidesSecrets(json) ? secrets : undefined, shownOnce)
  }))
}

/**
 * The answer that shows a resource, with `more` in its status: at once, unless what opens its secrets must be read.
 * @throws `unavailable` where it is to show secrets that cannot be had, now or ever
 */
export function answerOf<R extends Resource> (
  kind: ResourceKind<R>,
  { record, json, hasSecrets, secretsJson }: Pick<Opened, 'record' | 'json' | 'hasSecrets' | 'secretsJson'>,
  view: View,
  more?: object
): Awaitable<Answer<R>> {
  if (view !== 'full' || !hasSecrets) return shown(kind, record, view, json, undefined, more)
  return andThen(secretsJson(), secrets => shown(kind, record, view, json, JSON.parse(secrets), more))
}

function shown<R extends Resource> (
  kind: ResourceKind<R>, { id, revision }: StoredRecord, view: View, json: string, secrets: Rendering['secrets'] | undefined, more?: object
): Answer<R> {
  const revealed = secrets === undefined ? json : reveal(json, secrets)
  const whole = more === undefined ? revealed : withMoreStatus(revealed, more)
  const names = secrets && Object.keys(secrets)
  return { id, revision: shownRevision(revision), view, json: whole, revealed: names, message: () => kind.decode(whole) }
}

const earliest = (...times: ReadonlyArray<number | undefined>): number | undefined => {
  const given = times.filter(time => time !== undefined)
  return given.length === 0 ? undefined : Math.min(...given)
}

// The status is the last field of all: so more can be added to it without reading the rest.
const withStatus = (json: string, status: object) => `${json.slice(0, -1)},"status":${JSON.stringify(status)}}`
const withMoreStatus = (json: string, more: object) => `${json.slice(0, -2)},${JSON.stringify(more).slice(1)}}`

/** The organization that a resource belongs to; empty where it belongs to none. */
export const orgOf = ({ json }: Opened): string => JSON.parse(json).metadata.org ?? ''
