import { timestampMs } from '@bufbuild/protobuf/wkt'
import type { Clock } from '../clock.js'
import { step } from '../pipeline/pipeline.js'
import { rememberedRecord, type Named } from '../resource/idempotency.js'
import type { Resource } from '../resource/kind.js'
import type { StoredRecord } from '../storage/store.js'

interface Needs {
  readonly named: Named | undefined
  readonly resource: Resource
  readonly record: StoredRecord
}

/** Makes the record by which the same call will be recognised, where its caller gave it a name. */
export const remember = (clock: Clock) =>
  step('Remember', ({ named, resource, record }: Needs): { remembered: StoredRecord | undefined } => {
    if (named === undefined) return { remembered: undefined }
    const { expireTime } = resource.status ?? {}
    const latestEnd = expireTime === undefined ? 0 : timestampMs(expireTime)
    return { remembered: rememberedRecord(named, record, latestEnd, clock.now()) }
  })
