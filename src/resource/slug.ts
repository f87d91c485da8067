import type { Violation } from '../errors.js'

const VALID = /^[a-z0-9]([a-z0-9-]{0,251}[a-z0-9])?$/

/** The slug that `name` gives: `My   Cool   Agent` is `my-cool-agent`. Never truncated; empty where nothing is left. */
export function slugFromName (name: string): string {
  return name
    .toLowerCase()
    .replaceAll(' ', '-')
    .replace(/[^a-z0-9-]/g, '')
    .replace(/-+/g, '-')
    .replace(/^-|-$/g, '')
}

type Slug = { readonly slug: string, readonly violation?: never } | { readonly slug?: never, readonly violation: Violation }

/** The slug of a resource with this metadata, or why it can have none. */
export function slugOf ({ name, slug }: { readonly name?: string, readonly slug?: string }): Slug {
  if (slug) {
    if (VALID.test(slug)) return { slug }
    return refuse('slug', 'must be 1 to 253 of a-z, 0-9 and -, beginning and ending with a letter or digit')
  }
  const made = slugFromName(name ?? '')
  if (VALID.test(made)) return { slug: made }
  return made === ''
    ? refuse('name', 'gives an empty slug; use at least one letter a-z or digit, or give a slug')
    : refuse('name', 'gives a slug of more than 253 characters; shorten it, or give a slug')
}

const refuse = (field: 'name' | 'slug', detail: string): Slug => ({ violation: { pointer: `/metadata/${field}`, detail } })
