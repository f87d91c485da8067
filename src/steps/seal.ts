import type { RunToken } from '../auth/run-token.js'
import { step } from '../pipeline/pipeline.js'
import type { Vault } from '../secrets/vault.js'
import type { View } from '../resource/call.js'
import type { Resource, ResourceKind } from '../resource/kind.js'

/** Makes the record of the new resource, its secrets sealed, and the answer that shows it. */
export const seal = <R extends Resource>(vault: Vault, kind: ResourceKind<R>) =>
  step('Seal', ({ resource, view, runToken }: { resource: R, view: View, runToken: RunToken | undefined }) =>
    kind.seal(resource, vault, view, runToken))
