import { newRunToken } from '../../auth/run-token.js'
import { step } from '../../pipeline/pipeline.js'
import type { Resource } from '../../resource/kind.js'

/** Makes a run token for the new resource, where the caller wants one. */
export const issueRunToken = step('IssueRunToken', ({ resource, wantsRunToken }: { resource: Resource, wantsRunToken: boolean }) =>
  ({ runToken: wantsRunToken ? newRunToken(resource.metadata?.id ?? '') : undefined }))
