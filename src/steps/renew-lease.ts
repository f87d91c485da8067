import type { Clock } from '../clock.js'
import { GatewayError } from '../errors.js'
import { commit } from '../pipeline/pipeline.js'
import { eventOf, type Auditor, type Happening } from '../resource/audit-event.js'
import { notFound, type Resource, type ResourceKind } from '../resource/kind.js'
import type { Opened } from '../resource/sealed-record.js'
import type { Store } from '../storage/store.js'

/** Until when a resource is kept, in milliseconds since 1970: unless another heartbeat comes, and whatever comes. */
export interface Lease {
  readonly leaseExpireTime: number
  readonly expireTime: number
}

/**
 * Has the loaded resource live for its lease from now on, within its time to live. Once it is gone nothing brings it back; of what
 * is kept of it nothing else changes.
 * @throws `invalid_argument` where it has no lease
 */
export const renewLease = <R extends Resource>(store: Store, audit: Auditor, kind: ResourceKind<R>, clock: Clock) =>
  commit('RenewLease', async (ctx: Happening & { readonly opened: Opened }): Promise<{ lease: Lease }> => {
    const { record, json, latestExpireTime: expireTime = Infinity, proofOf } = ctx.opened
    const leaseMs = kind.leaseMs?.(json)
    if (leaseMs === undefined) {
      const why = 'it was made without spec.lease, and needs no heartbeat'
      throw new GatewayError('invalid_argument', `${kind.title} '${record.id}' has no lease: ${why}`)
    }
    // Where the clock went back, what was promised before is kept.
    const leaseExpireTime = Math.min(Math.max(clock.now() + leaseMs, record.expireTime ?? 0), expireTime)
    const life = { expireTime: leaseExpireTime, expireProof: proofOf(leaseExpireTime) }
    if (!await store.renew(kind.name, record.id, life)) throw notFound(kind, 'id', record.id)
    audit.recordEventually(eventOf('heartbeat', ctx, record))
    return { lease: { leaseExpireTime, expireTime } }
  })
