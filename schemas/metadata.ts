import { Type } from '@sinclair/typebox'
import { input, map, output, ref, rules, sharedEnum, stringEnum } from './helpers.js'
import { LINES_PATTERN, ONE_LINE_PATTERN } from './text.js'

export const SLUG_PATTERN = '^[a-z0-9]([a-z0-9-]{0,251}[a-z0-9])?$'
/** What the server gives: `exec-` and a lower-case ULID. */
export const ID_PATTERN = '^exec-[0-9a-hjkmnp-tv-z]{26}$'
export const RUN_TOKEN_PATTERN = '^ectx_run_exec-[0-9a-hjkmnp-tv-z]{26}_[A-Za-z0-9_-]{43}$'
export const OWNER_SCOPES = ['api_resource_owner_scope_unspecified', 'platform', 'organization', 'identity_account'] as const

const name = Type.String({
  maxLength: 1024,
  pattern: ONE_LINE_PATTERN,
  description: 'For people. The slug is made from it unless one is given.'
})
const org = Type.String({
  maxLength: 253,
  pattern: ONE_LINE_PATTERN,
  description: 'The organization the run belongs to; a reference that names one must name the same.'
})
const names = rules({ 'x-property-names': { minLength: 1, maxLength: 253, pattern: ONE_LINE_PATTERN } })
const labels = map(Type.String({ maxLength: 253, pattern: ONE_LINE_PATTERN }), {
  maxProperties: 64,
  ...names,
  description: 'Short values to select by: at most 64, each of at most 253 characters. A name is one line of 1 to 253 characters.'
})
const annotations = map(Type.String({ maxLength: 4096, pattern: LINES_PATTERN }), {
  maxProperties: 64,
  ...names,
  description: 'Longer values for people and tools: at most 64, each of at most 4096 characters. A name is one line of 1 to 253 characters.'
})
const tags = Type.Array(
  Type.String({ minLength: 1, maxLength: 253, pattern: ONE_LINE_PATTERN }),
  { maxItems: 64, description: 'Words to find it by.' }
)

export const ApiResourceOwnerScopeSchema = sharedEnum('ApiResourceOwnerScope', OWNER_SCOPES, {
  description: 'Whom a resource belongs to. Every context is operator-managed: its scope is unspecified and left out of answers, and that of a reference is checked and otherwise ignored.'
})

export const ApiResourceMetadataInputSchema = input('ApiResourceMetadataInput', {
  name: Type.Optional(name),
  slug: Type.Optional(Type.String({
    pattern: SLUG_PATTERN,
    ...rules({ 'x-message': 'must be 1 to 253 of a-z, 0-9 and -, beginning and ending with a letter or digit' }),
    description: 'For machines: unique over all live contexts. Made from the name where it is left out.'
  })),
  org: Type.Optional(org),
  owner_scope: Type.Optional(stringEnum(['api_resource_owner_scope_unspecified'], {
    ...rules({ 'x-message': 'ExecutionContext owner_scope must be unspecified (operator-managed resource)' }),
    description: 'An ExecutionContext is operator-managed: leave it out, or say that it is unspecified.'
  })),
  labels: Type.Optional(labels),
  annotations: Type.Optional(annotations),
  tags: Type.Optional(tags)
}, {
  ...rules({ 'x-slug-source': true }),
  description: 'How a context is named, found and filed. A name or a slug is required.'
})

export const ApiResourceMetadataVersionSchema = output('ApiResourceMetadataVersion', {
  id: Type.Optional(Type.String({ description: 'Names the version.' })),
  message: Type.Optional(Type.String({ description: 'Why it was made.' })),
  previous_version_id: Type.Optional(Type.String({ description: 'Names the version before it.' }))
}, { description: 'One version of a resource: a context gets another by each rotation of its secrets.' })

export const ApiResourceMetadataSchema = output('ApiResourceMetadata', {
  name: Type.Optional(name),
  slug: Type.String({ pattern: SLUG_PATTERN, description: 'For machines: unique over all live contexts.' }),
  id: Type.String({ pattern: ID_PATTERN, description: 'Given by the server: `exec-` and a lower-case ULID.' }),
  org: Type.Optional(org),
  owner_scope: Type.Optional(ref(ApiResourceOwnerScopeSchema)),
  labels: Type.Optional(labels),
  annotations: Type.Optional(annotations),
  tags: Type.Optional(tags),
  version: Type.Optional(ref(ApiResourceMetadataVersionSchema))
}, { description: 'How a context is named, found and filed.' })
