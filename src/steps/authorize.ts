import type { Caller } from '../auth/caller.js'
import { GatewayError } from '../errors.js'
import { step, type Run } from '../pipeline/pipeline.js'
import { eventOf, type Auditor } from '../resource/audit-event.js'
import type { Call, View } from '../resource/call.js'

/** Who, beside operators, may do an operation. */
export interface Permission<Input> {
  /** Whether viewers may, who never see secrets. */
  readonly viewers?: boolean
  /** Whether whoever holds a run token may: then the operation shows each what is theirs, and nothing else. */
  readonly runs?: boolean
  /** What this is about: where it is what a run token is for, its holder may do that. */
  readonly target?: (input: Input) => { readonly contextId: string } | { readonly slug: string }
}

/**
 * Admits operators and whom the permission names besides, and settles which view they get. A refusal says what was refused,
 * by the operation's name and `label`, is recorded, and says nothing of whether there is what was asked for.
 * @throws `unauthenticated` to those who showed nothing, `permission_denied` to all others
 */
export const authorize = <Input = unknown>(audit: Auditor, label: string, permission: Permission<Input> = {}) => {
  const { viewers = false, runs = false, target } = permission
  return step('Authorize', (ctx: Call<Input> & Run): { view: View } => {
    const { operation, origin: { caller }, input, requestedView } = ctx
    const about = target?.(input)
    const refuse = (what: string, why: string) => {
      const code = caller.kind === 'anonymous' ? 'unauthenticated' : 'permission_denied'
      audit.recordEventually({ ...eventOf('denied', ctx), context_id: idIn(about), outcome: code })
      return new GatewayError(code, `unauthorized to ${verbOf(operation)} ${label}${what} (${why})`)
    }
    const reveals = caller.role === 'operator' || isOwn(about, caller)
    const mayRead = (viewers && caller.role === 'viewer') || (runs && caller.kind === 'run')
    if (!reveals && !mayRead) throw refuse('', whyNot(caller, viewers, target !== undefined))
    if (!reveals && requestedView === 'full') throw refuse(' with its secrets', 'viewers see none: ask for view=redacted')
    return { view: requestedView ?? (reveals ? 'full' : 'redacted') }
  })
}

/** What `operation` does, in one word: `get` of `getByReference`. */
const verbOf = (operation: string) => /^[a-z]*/.exec(operation)![0]

/** What whoever may not do an operation needs to know, which `viewers` may do, or runs on what is theirs. */
function whyNot ({ kind, role }: Caller, viewers: boolean, runs: boolean): string {
  if (!viewers && !runs) return 'operator-only action'
  if (kind === 'anonymous') return 'credentials are needed'
  if (kind === 'run') return 'a run token opens its own context alone'
  return role === 'viewer' ? 'operators may, and a run with its own token' : 'the credentials give no role'
}

type Target = ReturnType<NonNullable<Permission<unknown>['target']>>

function isOwn (about: Target | undefined, { kind, contextId, slug }: Caller): boolean {
  if (kind !== 'run' || about === undefined) return false
  return 'slug' in about ? about.slug === slug : about.contextId === contextId
}

// An id as the server gives it. Whatever else the caller sent for one stays out of the audit log, and so do slugs: they
// may be anything that was put in the wrong place.
const ID = /^[a-z]{1,16}-[0-9a-z]{26}$/
const idIn = (about: Target | undefined) =>
  about !== undefined && 'contextId' in about && ID.test(about.contextId) ? about.contextId : undefined
