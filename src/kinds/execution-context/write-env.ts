import { GatewayError, invalidArgument, jsonPointer, MOST_VIOLATIONS } from '../../errors.js'
import { EnvFormat, type GetEnvRequest } from '../../gen/ectx/v1/execution_context_pb.js'
import { step } from '../../pipeline/pipeline.js'
import { eventOf, type Auditor, type Happening } from '../../resource/audit-event.js'
import type { Opened } from '../../resource/sealed-record.js'
import { writeEnv as write, type EnvFormat as FormatName, type Unfit } from './env-formats.js'

/** The values of a context as one environment, which reveals its secrets. */
export interface Env {
  readonly format: FormatName
  readonly text: string
}

interface Value {
  readonly value?: string
}

/**
 * Writes the values that the input asks for as one environment; where that shows a secret, the audit log says so before.
 * @throws `invalid_argument` naming those that are not there, `not_representable` naming what its format cannot hold
 */
export const writeEnv = (audit: Auditor) =>
  step('WriteEnv', async (ctx: Happening & { input: GetEnvRequest, opened: Opened }): Promise<{ env: Env }> => {
    const { input: { format: number, prefix, keys }, opened: { record, json, secretsJson } } = ctx
    const format = EnvFormat[number] as FormatName
    const data: Record<string, Value> = JSON.parse(json).spec.data ?? {}
    const secrets: Record<string, string> = JSON.parse(await secretsJson())
    const absent = keys.flatMap((key, index) =>
      Object.hasOwn(data, key) ? [] : [{ pointer: `/keys/${index}`, detail: 'the context has no such value' }])
    if (absent.length > 0) throw invalidArgument(absent)
    const names = Object.keys(data).filter(name => name.startsWith(prefix) && (keys.length === 0 || keys.includes(name)))
    const { text, unfit } = write(format, names.map(name => [name, data[name]!.value ?? secrets[name]!]))
    if (unfit !== undefined) throw notRepresentable(format, unfit)

    const revealed = names.filter(name => Object.hasOwn(secrets, name))
    if (revealed.length > 0) await audit.record(eventOf('revealed', ctx, record, revealed))
    else audit.recordEventually(eventOf('read', ctx, record))
    return { env: { format, text } }
  })

const notRepresentable = (format: string, unfit: readonly Unfit[]) => new GatewayError(
  'not_representable',
  `${unfit.length} of the values cannot be written as ${format}: use another format, or leave them out by keys= or prefix=`,
  { violations: unfit.slice(0, MOST_VIOLATIONS).map(({ key, detail }) => ({ pointer: jsonPointer(['spec', 'data', key]), detail })) }
)
