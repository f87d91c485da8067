import type { Caller } from '../auth/caller.js'
import { GatewayError } from '../errors.js'
import { step } from '../pipeline/pipeline.js'

/** Lets operators through. `action` ends the sentence that others get, such as `create Execution Context`. */
export const authorize = (action: string) => step('Authorize', ({ caller }: { caller: Caller }) => {
  if (caller.kind === 'system') return
  throw new GatewayError('unauthenticated', `unauthorized to ${action} (operator-only action)`)
})
