import type { Clock } from '../clock.js'
import { step } from '../pipeline/pipeline.js'
import { answerOf, type Answer } from '../resource/answer.js'
import type { Origin, View } from '../resource/call.js'
import type { Resource, ResourceKind } from '../resource/kind.js'
import type { Version } from '../resource/resource-event.js'
import { withSecrets, type Opened } from '../resource/sealed-record.js'
import { newUlid, VERSION_PREFIX } from '../resource/ulid.js'
import { keptVersion } from '../resource/versions.js'
import type { Vault } from '../secrets/vault.js'
import type { StoredRecord } from '../storage/store.js'

interface Needs {
  readonly input: { readonly versionMessage: string }
  readonly opened: Opened
  readonly secrets: Readonly<Record<string, string>>
  readonly graceMs: number
  readonly origin: Origin
  readonly view: View
}

interface Adds<R> {
  readonly version: Version
  readonly record: StoredRecord
  readonly answer: Answer<R>
  /** What keeps the resource as it was; absent where it is to be gone at once. */
  readonly previous: StoredRecord | undefined
}

/**
 * Makes the next version of the loaded resource: with these secrets, which has its version and its audit say so, and nothing else. It
 * is sealed under a leaf of its own, so that what is shredded of one version opens no other.
 */
export const supersede = <R extends Resource>(vault: Vault, kind: ResourceKind<R>, clock: Clock) =>
  step('Supersede', async ({ input, opened, secrets, graceMs, origin, view }: Needs): Promise<Adds<R>> => {
    const now = clock.now()
    const shown = JSON.parse(opened.json)
    const { metadata, status: { audit } } = shown
    // One from before there were versions has the id that it would have got.
    const before: string = metadata.version?.id ?? VERSION_PREFIX + opened.record.id.slice(kind.idPrefix.length)
    const version: Version = {
      id: VERSION_PREFIX + newUlid(now), ...input.versionMessage !== '' && { message: input.versionMessage }, previous_version_id: before
    }
    metadata.version = version
    const updated = { updated_by: { id: origin.caller.name }, updated_at: new Date(now).toISOString(), event: 'rotated' }
    audit.spec_audit = { ...audit.spec_audit, ...updated }
    const json = JSON.stringify(shown)
    const secretsJson = JSON.stringify(secrets)
    const record = await withSecrets(vault, opened, json, secretsJson)
    const until = Math.min(now + graceMs, opened.latestExpireTime ?? Infinity)
    return {
      version,
      record,
      answer: await answerOf(kind, { record, json, hasSecrets: true, secretsJson: () => secretsJson }, view),
      previous: graceMs === 0 ? undefined : await keptVersion(vault, kind, opened, before, until)
    }
  })
