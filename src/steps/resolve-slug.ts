import { invalidArgument } from '../errors.js'
import { step } from '../pipeline/pipeline.js'
import type { Resource } from '../resource/kind.js'
import { slugOf } from '../resource/slug.js'

/** Finds the resource's slug: the one it brings, else the one its name gives. */
export const resolveSlug = step('ResolveSlug', ({ input }: { input: Resource }) => {
  const { slug, violation } = slugOf(input.metadata ?? { name: '', slug: '' })
  if (violation !== undefined) throw invalidArgument([violation])
  return { slug }
})
