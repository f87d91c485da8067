import type { Clock } from '../clock.js'
import { step } from '../pipeline/pipeline.js'
import { latestExpireTimeOf } from '../resource/body-codec.js'
import { rememberedRecord, type Named } from '../resource/idempotency.js'
import type { StoredRecord } from '../storage/store.js'

interface Needs {
  readonly named: Named | undefined
  readonly record: StoredRecord
}

/** Makes the record by which the same call will be recognised, where its caller gave it a name. */
export const remember = (clock: Clock) =>
  step('Remember', ({ named, record }: Needs): { remembered: StoredRecord | undefined } => {
    if (named === undefined) return { remembered: undefined }
    return { remembered: rememberedRecord(named, record, latestExpireTimeOf(record) ?? 0, clock.now()) }
  })
