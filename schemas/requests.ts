import { Type } from '@sinclair/typebox'
import { ref, rules, sharedEnum } from './helpers.js'
import { ApiResourceOwnerScopeSchema, SLUG_PATTERN } from './metadata.js'
import { ONE_LINE_PATTERN } from './text.js'

/** Of the kinds that the .proto names, those that can be looked up here; unknown is to leave it out. */
export const REFERENCE_KINDS = ['api_resource_kind_unknown', 'execution_context'] as const

export const ApiResourceKindSchema = sharedEnum('ApiResourceKind', REFERENCE_KINDS, {
  ...rules({ 'x-message': 'kind mismatch: only execution_context can be looked up here' }),
  description: 'The kind to look up. There is one, and unknown leaves it open: leave it out.'
})

export const IdParamsSchema = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 253, description: 'The id that the server gave: `exec-` and a lower-case ULID.' })
})

export const ExecutionParamsSchema = Type.Object({
  execution_id: Type.String({
    minLength: 1, maxLength: 253, pattern: ONE_LINE_PATTERN, description: 'The execution, as the `spec.execution_id` of its contexts says.'
  })
})

const VERSION_PATTERN = '^$|^latest$|^[a-zA-Z0-9._-]+$'
const VERSION_MESSAGE = 'must be 1 to 253 of a-z, A-Z, 0-9, ., _ and -, such as latest'

export const ReferenceQuerySchema = Type.Object({
  slug: Type.String({
    pattern: SLUG_PATTERN,
    ...rules({ 'x-message': 'must be 1 to 253 of a-z, 0-9 and -, beginning and ending with a letter or digit' }),
    description: 'The slug of the context.'
  }),
  kind: Type.Optional(ref(ApiResourceKindSchema)),
  scope: Type.Optional(ref(ApiResourceOwnerScopeSchema)),
  org: Type.Optional(Type.String({
    minLength: 1, maxLength: 253, pattern: ONE_LINE_PATTERN, description: 'Must equal the context’s `metadata.org` where it is given.'
  })),
  version: Type.Optional(Type.String({
    minLength: 1,
    maxLength: 253,
    pattern: VERSION_PATTERN,
    ...rules({ 'x-message': VERSION_MESSAGE }),
    description: 'Checked, and otherwise ignored: what is shown is the current version.'
  }))
}, { additionalProperties: false })

export const DeleteQuerySchema = Type.Object({
  version_message: Type.Optional(
    Type.String({ minLength: 1, maxLength: 1024, pattern: ONE_LINE_PATTERN, description: 'Why it is deleted.' })
  )
}, { additionalProperties: false })

/** What may be asked of the operations that delete. */
export const ShredQuerySchema = Type.Object({
  shred: Type.Optional(Type.Boolean({
    description: 'Whether the secrets are to be shredded: when this is answered nobody can open them any more, also with older copies of the store and of its key ring.'
  }))
}, { additionalProperties: false })

/** Of what has no parameters but its path: so that none that is misplaced goes unnoticed. */
export const NoQuerySchema = Type.Object({}, { additionalProperties: false })

export const VIEWS = ['full', 'redacted'] as const

export const ViewSchema = sharedEnum('View', VIEWS, {
  description: 'How much to show: `redacted` leaves out the values of secrets. `full` where it is left out, if the caller may reveal them, else `redacted`.'
})

const view = Type.Optional(ref(ViewSchema))

/** What may be asked of every operation that answers a context. */
export const ViewQuerySchema = Type.Object({ view }, { additionalProperties: false })

/** As what it was before a rotation, or is. */
export const VersionQuerySchema = Type.Object({
  version: Type.Optional(Type.String({
    minLength: 1,
    maxLength: 253,
    pattern: VERSION_PATTERN,
    ...rules({ 'x-message': VERSION_MESSAGE }),
    description: 'The id of a version, as `metadata.version` names it and the one before. One that was rotated can be read for its grace, and is 404 from then on. The current one where it is left out or `latest`.'
  }))
}, { additionalProperties: false })

/** What may be asked of the operations that make one. */
export const CreateQuerySchema = Type.Object({
  view,
  run_token: Type.Optional(Type.Boolean({
    description: 'Whether the answer has, in `status.run_token`, a token that opens this one context to its run. It is shown this once.'
  }))
}, { additionalProperties: false })

export const PageQuerySchema = Type.Object({
  page_size: Type.Optional(
    Type.Integer({ format: 'int32', minimum: 0, maximum: 1000, description: 'How many events at most; 100 where it is 0 or left out.' })
  ),
  page_token: Type.Optional(
    Type.String({ minLength: 1, maxLength: 512, description: 'The `next_page_token` of the page before; left out for the first.' })
  )
}, { additionalProperties: false })

export const AuditQuerySchema = Type.Object({
  context_id: Type.Optional(
    Type.String({ minLength: 1, maxLength: 253, pattern: ONE_LINE_PATTERN, description: 'Only events of this context.' })
  ),
  execution_id: Type.Optional(
    Type.String({ minLength: 1, maxLength: 253, pattern: ONE_LINE_PATTERN, description: 'Only events of contexts of this execution.' })
  )
}, { additionalProperties: false })

/** How a label is asked for: `label.team=data`, or as OpenAPI writes an object, `label[team]=data`. */
export const LABEL_PARAMETER = /^label(?:\.(.+)|\[(.+)\])$/
const label = { maxLength: 253, pattern: ONE_LINE_PATTERN }

const pageOfContexts = {
  page_size: Type.Optional(Type.Integer({
    format: 'int32',
    minimum: 0,
    maximum: 2_147_483_647,
    description: 'How many contexts at most: 50 where it is 0 or left out, and never more than 1000.'
  })),
  page_token: Type.Optional(Type.String({
    minLength: 1,
    maxLength: 512,
    description: 'The `next_page_token` of the page before, with the same filters; left out for the first.'
  }))
}
const filters = {
  created_by: Type.Optional(Type.String({
    minLength: 1, maxLength: 1024, pattern: ONE_LINE_PATTERN, description: 'Only contexts that this caller made, as their audit names it.'
  })),
  expires_before: Type.Optional(Type.String({
    format: 'date-time',
    ...rules({ 'x-message': 'must be a time such as 2026-11-30T12:00:00Z, its + written as %2B' }),
    description: 'Only contexts that are gone before that time, unless a heartbeat comes.'
  }))
}
const ofLabels = {
  additionalProperties: false,
  patternProperties: { [LABEL_PARAMETER.source]: { type: ['string', 'array'], ...label, items: { type: 'string', ...label } } }
}

/** What may be asked of a list of contexts; labels are parameters of any name, which the document describes by itself. */
export const ListQuerySchema = Type.Object({
  execution_id: Type.Optional(Type.String({
    minLength: 1, maxLength: 253, pattern: ONE_LINE_PATTERN, description: 'Only contexts of this execution.'
  })),
  ...filters,
  ...pageOfContexts
}, ofLabels)

export const ExecutionListQuerySchema = Type.Object({ ...filters, ...pageOfContexts }, ofLabels)

export const EnvFormatSchema = sharedEnum('EnvFormat', ['json', 'dotenv', 'shell', 'docker', 'github'], {
  description: '`json` is one object; `dotenv` a file of variables; `shell` for `eval`; `docker` for `docker run --env-file`; `github` to append to `$GITHUB_ENV`. `json` where it is left out.'
})

export const EnvQuerySchema = Type.Object({
  format: Type.Optional(ref(EnvFormatSchema)),
  ...VersionQuerySchema.properties,
  prefix: Type.Optional(Type.String({ minLength: 1, maxLength: 253, description: 'Only what has a name that begins so.' })),
  keys: Type.Optional(Type.Array(
    Type.String({ minLength: 1, maxLength: 253 }),
    {
      minItems: 1,
      maxItems: 100,
      description: 'Only what has one of these names, with commas between them: at most 100. Each must be there.'
    }
  ))
}, { additionalProperties: false })

export const IdempotencyKeySchema = Type.Object({
  'Idempotency-Key': Type.Optional(Type.String({
    pattern: '^("[ -~]+"|[!#-+\\--~]+)$',
    description: 'Your name for this request, of 1 to 255 visible characters, in quotation marks or without. Sent again with the same body it answers the same context, and nothing is done twice.'
  }))
})

const ETAGS_PATTERN = '^(\\*|(W/)?"[!#-~]*"(, *(W/)?"[!#-~]*")*)$'

export const IfNoneMatchSchema = Type.Object({
  'If-None-Match': Type.Optional(
    Type.String({
      pattern: ETAGS_PATTERN,
      description: 'The ETags you have, or `*`: where the context has one of them it is not sent again.'
    })
  )
})

export const IfMatchSchema = Type.Object({
  'If-Match': Type.Optional(
    Type.String({
      pattern: ETAGS_PATTERN,
      description: 'ETags, such as a read gave, or `*`: where the context has none of them the answer is 412.'
    })
  )
})
