import type { Awaitable } from '../awaitable.js'
import { GatewayError } from '../errors.js'
import { step } from '../pipeline/pipeline.js'
import { answerOf, type Answer } from '../resource/answer.js'
import type { Auditor } from '../resource/audit-event.js'
import type { View } from '../resource/call.js'
import type { Resource, ResourceKind } from '../resource/kind.js'
import { openRecord, type Opened } from '../resource/sealed-record.js'
import type { Vault } from '../secrets/vault.js'
import type { StoredRecord } from '../storage/store.js'

interface Needs {
  readonly existing: StoredRecord
  readonly view: View
}

interface Shows<R> {
  readonly opened: Opened | GatewayError
  readonly shown: Answer<R> | GatewayError
}

/**
 * Opens what is to be deleted, and makes the answer that will show it as it is, or says why nothing of it can be shown. Neither a key that
 * cannot be had, nor secrets that were shredded, nor an audit log that is behind keeps anything from being deleted: in the last case the
 * answer is redacted.
 */
export const showExisting = <R extends Resource>(audit: Auditor, vault: Vault, kind: ResourceKind<R>) => {
  const viewNow = (view: View): View => {
    try {
      audit.admit()
      return view
    } catch {
      return 'redacted'
    }
  }
  return step('ShowExisting', async ({ existing, view }: Needs): Promise<Shows<R>> => {
    const opened = await failing(() => openRecord(vault, existing))
    return { opened, shown: opened instanceof GatewayError ? opened : await failing(() => answerOf(kind, opened, viewNow(view))) }
  })
}

/** What comes of `work`, or why nothing does. */
async function failing<T> (work: () => Awaitable<T>): Promise<T | GatewayError> {
  try {
    return await work()
  } catch (error) {
    return GatewayError.from(error)
  }
}
