import { GatewayError } from '../errors.js'
import { step } from '../pipeline/pipeline.js'
import type { Store } from '../storage/store.js'
import { alreadyExists, type Resource, type ResourceKind } from './resource-kind.js'

/** Stores the new resource. Of many at once with one slug exactly one succeeds; when it has, the resource is durable. */
export const persist = <R extends Resource>(store: Store, kind: ResourceKind<R>) =>
  step('Persist', async ({ resource, slug }: { resource: R, slug: string }) => {
    const record = kind.toRecord(resource)
    try {
      await store.insert(record)
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'already_exists') throw alreadyExists(kind, slug, error.existingId)
      throw error
    }
    return { record }
  })
