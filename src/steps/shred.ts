import { GatewayError } from '../errors.js'
import { commit } from '../pipeline/pipeline.js'
import type { KindNames } from '../resource/kind.js'
import { shredSecrets, type Opened } from '../resource/sealed-record.js'
import { shredVersions } from '../resource/versions.js'
import type { Vault } from '../secrets/vault.js'
import type { Store, StoredRecord } from '../storage/store.js'

interface Needs {
  readonly existing: StoredRecord
  readonly opened: Opened | GatewayError
  readonly shreds: boolean
}

/**
 * Where the caller asks for it, has the secrets of the loaded resource, and of what is kept of it as it was before, never be had again,
 * also from old copies of records and keys; that is so from here on, whatever becomes of the resource. Nothing is deleted whose secrets
 * cannot be shredded.
 */
export const shred = (store: Store, vault: Vault, kind: KindNames) =>
  commit('Shred', async ({ existing, opened, shreds }: Needs): Promise<{ shredded: boolean }> => {
    if (!shreds) return { shredded: false }
    if (opened instanceof GatewayError) throw unshreddable(kind, existing, opened)
    await shredVersions(store, vault, kind, existing)
    return { shredded: await shredSecrets(vault, opened) }
  })

const unshreddable = ({ title }: KindNames, { id }: StoredRecord, cause: GatewayError) => new GatewayError(
  cause.code === 'unavailable' ? 'unavailable' : 'failed_precondition',
  `${title} '${id}' was not deleted, since it cannot be shredded; to delete it all the same, leave that out: ${cause.message}`,
  { cause }
)
