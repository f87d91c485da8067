import { step } from '../pipeline/pipeline.js'
import { sealResource } from '../resource/answer.js'
import type { View } from '../resource/call.js'
import type { Resource, ResourceKind } from '../resource/kind.js'
import type { Vault } from '../secrets/vault.js'

/** Makes the record of the new resource, its secrets sealed, and the answer that shows it. Needs what the kind's rendering needs, too. */
export const seal = <R extends Resource, More extends object>(vault: Vault, kind: ResourceKind<R, More>) =>
  step('Seal', (ctx: { resource: R, view: View } & More) => sealResource(vault, kind, ctx.resource, ctx, ctx.view))
