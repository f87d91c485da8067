import type { ApiResourceReference } from '../gen/ai/stigmer/commons/apiresource/io_pb.js'
import { ApiResourceKind } from '../gen/ai/stigmer/commons/apiresource/apiresourcekind/api_resource_kind_pb.js'
import { GatewayError, invalidArgument } from '../errors.js'
import { step } from '../pipeline/pipeline.js'
import { orgOf } from '../resource/answer.js'
import { notFound, type KindNames } from '../resource/kind.js'
import { openRecord } from '../resource/sealed-record.js'
import type { Vault } from '../secrets/vault.js'
import type { Store } from '../storage/store.js'

/** Loads the resource that the input names by its slug and, where it says them, its kind and organization. */
export const loadByReference = (store: Store, vault: Vault, kind: KindNames) =>
  step('LoadByReference', async ({ input: { slug, org, kind: asked } }: { input: ApiResourceReference }) => {
    if (asked !== ApiResourceKind.api_resource_kind_unknown && asked !== kind.referenceKind) {
      throw invalidArgument([{ pointer: '/kind', detail: `kind mismatch: only ${kind.name} can be looked up here` }])
    }
    const record = await store.findBySlug(kind.name, kind.scopeOf(org), slug)
    if (record === undefined) throw notFound(kind, 'slug', slug)
    const opened = await openRecord(vault, record)
    if (org !== '' && orgOf(opened) !== org) {
      throw new GatewayError('not_found', `no ${kind.title} with slug '${slug}' in that org`)
    }
    return { opened }
  })
