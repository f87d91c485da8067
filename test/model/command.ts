import fc from 'fast-check'
import { assertAgrees, type Code, type View } from './answers.js'
import type { Context, Model } from './model.js'
import { TOKENS, type Real } from './real.js'

export type Command = fc.AsyncCommand<Model, Real>

/** Makes commands that do `run`, in which they assert what they are answered, and then assert that all else is as the model says. */
export function command<Asked> (
  name: string,
  run: (model: Model, real: Real, asked: Asked) => Promise<void>,
  check: (model: Model, asked: Asked) => boolean = () => true
) {
  return (asked: Asked): Command => ({
    check: model => check(model as Model, asked),
    async run (model, real) {
      await run(model, real, asked)
      await assertAgrees(model, real)
    },
    toString: () => `${name}(${fc.stringify(asked)})`
  })
}

/** An id that no context has. */
export const UNKNOWN = 'exec-00000000000000000000000000'

/** What is asked for, mostly nothing. */
export const views: fc.Arbitrary<View | undefined> = fc.constantFrom(undefined, undefined, 'full', 'redacted')

/** Which context a command is about, of those that are live or of all that were ever made. */
export interface Which {
  readonly nth: number
  readonly among: 'live' | 'made'
}

export const which: fc.Arbitrary<Which> = fc.record({ nth: fc.nat(50), among: fc.constantFrom('live', 'live', 'made') })

/** The context that is meant: where none is live one of all, and none where none was made. */
export function pick (model: Model, { nth, among }: Which): Context | undefined {
  const { live, made } = model
  const from = among === 'live' && live.length > 0 ? live : made
  return from[nth % from.length]
}

/** Who asks: somebody with a name, the run of the context that is asked for, or whoever had the nth of all run tokens. */
export type By = 'runner' | 'other' | 'auditor' | 'own' | number

export const by: fc.Arbitrary<By> = fc.oneof(
  { arbitrary: fc.constantFrom<By>('runner', 'other'), weight: 4 },
  { arbitrary: fc.constant<By>('auditor'), weight: 1 },
  { arbitrary: fc.constant<By>('own'), weight: 3 },
  { arbitrary: fc.nat(20), weight: 2 }
)

export interface Caller {
  readonly token: string
  readonly role: 'operator' | 'viewer' | 'run' | 'nobody'
  /** What a run token opens. */
  readonly own?: Context
}

/** Who asks for `target`. Where there is no run token that is meant, an operator does. */
export function callerOf (model: Model, by: By, target: Context | undefined): Caller {
  const { tokens } = model
  const token = by === 'own' ? target?.token : typeof by === 'number' ? tokens[by % tokens.length] : undefined
  if (token !== undefined) {
    const own = model.byToken(token)
    return { token, role: own === undefined ? 'nobody' : 'run', own }
  }
  return by === 'auditor' ? { token: TOKENS.auditor!, role: 'viewer' } : { token: TOKENS[by] ?? TOKENS.runner!, role: 'operator' }
}

/** Why the caller may not, if so: operators may, and runs what is their own; of others whom `also` names. */
export function refusalOf ({ role }: Caller, isOwn: boolean, also: ReadonlyArray<Caller['role']> = []): Code | undefined {
  if (role === 'nobody') return 'unauthenticated'
  return role === 'operator' || (role === 'run' && isOwn) || also.includes(role) ? undefined : 'permission_denied'
}
