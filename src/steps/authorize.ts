import type { Caller } from '../auth/caller.js'
import { GatewayError } from '../errors.js'
import { step } from '../pipeline/pipeline.js'
import { eventOf, type Auditor } from './audit-event.js'
import type { Call, View } from './call.js'

/** Who, beside operators, may do an operation. */
export interface Permission<Input> {
  /** Ends the sentence that others get, such as `create Execution Context`. */
  readonly action: string
  /** Whether viewers may, who never see secrets. */
  readonly viewers?: boolean
  /** Whether this is about the resource that a run token is for: its holder may do that. */
  readonly isOwn?: (input: Input, caller: Caller) => boolean
}

/**
 * Admits operators and whom `permission` names besides, and settles which view they get. A refusal is recorded, and
 * says nothing of whether there is what was asked for.
 * @throws `unauthenticated` to those who showed nothing, `permission_denied` to all others
 */
export const authorize = <Input = unknown>(audit: Auditor, operation: string, { action, viewers = false, isOwn }: Permission<Input>) =>
  step('Authorize', ({ origin, input, requestedView }: Call<Input>): { view: View } => {
    const { caller } = origin
    const refuse = (what: string) => {
      const code = caller.kind === 'anonymous' ? 'unauthenticated' : 'permission_denied'
      audit.recordEventually({ ...eventOf('denied', operation, origin), outcome: code })
      return new GatewayError(code, `unauthorized to ${what} (operator-only action)`)
    }
    const reveals = caller.role === 'operator' || (caller.kind === 'run' && isOwn !== undefined && isOwn(input, caller))
    if (!reveals && !(viewers && caller.role === 'viewer')) throw refuse(action)
    if (!reveals && requestedView === 'full') throw refuse(`${action} with its secrets`)
    return { view: requestedView ?? (reveals ? 'full' : 'redacted') }
  })
