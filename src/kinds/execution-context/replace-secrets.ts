import { invalidArgument, jsonPointer, MOST_VIOLATIONS, type Violation } from '../../errors.js'
import type { RotateExecutionContextRequest } from '../../gen/ectx/v1/execution_context_pb.js'
import { step } from '../../pipeline/pipeline.js'
import type { Opened } from '../../resource/sealed-record.js'

const MOST_BYTES = 1_048_576

interface Needs {
  readonly input: Pick<RotateExecutionContextRequest, 'data'>
  readonly opened: Opened
}

interface Value {
  readonly value?: string
  readonly is_secret: boolean
}

/**
 * The secrets of the loaded context with the new values of the input among them, and the names of those.
 * @throws `invalid_argument` naming what is no secret of the context, or too much with what stays
 */
export const replaceSecrets = step('ReplaceSecrets', async ({ input, opened }: Needs) => {
  const there: Record<string, Value> = JSON.parse(opened.json).spec.data ?? {}
  const sent = Object.entries(input.data)
  const wrong = sent.flatMap(([key, { isSecret }]) => wrongWith(key, Object.hasOwn(there, key) ? there[key] : undefined, isSecret))
  if (wrong.length > 0) throw invalidArgument(wrong.slice(0, MOST_VIOLATIONS))
  const before: Record<string, string> = JSON.parse(await opened.secretsJson())
  const secrets = { ...before, ...Object.fromEntries(sent.map(([key, { value }]) => [key, value])) }
  const values = [...Object.values(secrets), ...Object.values(there).map(({ value = '' }) => value)]
  if (values.reduce((bytes, value) => bytes + Buffer.byteLength(value), 0) > MOST_BYTES) {
    throw invalidArgument([{ pointer: '/data', detail: `must not exceed ${MOST_BYTES} bytes (1 MiB) in all, with the values that stay` }])
  }
  return { secrets, keys: sent.map(([key]) => key) }
})

function wrongWith (key: string, there: Value | undefined, isSecret: boolean | undefined): Violation[] {
  const pointer = jsonPointer(['data', key])
  if (there === undefined) return [{ pointer, detail: 'the context has no such value: none can be added' }]
  if (!there.is_secret) return [{ pointer, detail: 'is no secret of the context: secrets alone can be rotated' }]
  return isSecret === false ? [{ pointer: `${pointer}/is_secret`, detail: 'must be true or left out: a secret stays one' }] : []
}
