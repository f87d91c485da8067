type Awaitable<T> = T | Promise<T>
type Adding = object | void

/** A named unit of work: reads `Needs` from the context, returns what it `Adds` to it. Knows no transport. */
export interface Step<Name extends string, Needs extends object, Adds extends Adding> {
  readonly name: Name
  readonly run: (ctx: Readonly<Needs>, signal?: AbortSignal) => Awaitable<Adds>
}

/**
 * Declares a step: the annotation of `run`'s parameter lists what it needs, its return type is what it adds.
 * What it depends on (a store, a clock) is closed over; the context holds data only.
 */
export const step = <Name extends string, Needs extends object, Adds extends Adding>(
  name: Name,
  run: (ctx: Readonly<Needs>, signal?: AbortSignal) => Awaitable<Adds>
): Step<Name, Needs, Adds> => ({ name, run })

type Missing<Ctx, Needs> = Exclude<keyof Needs, keyof Ctx> & string
type Clash<Ctx, Adds> = keyof Ctx & keyof Adds & string
type Mistyped<Ctx, Needs> = {
  [Key in keyof Ctx & keyof Needs]: Ctx[Key] extends Needs[Key] ? never : Key
}[keyof Ctx & keyof Needs] & string
// One flat object, not `Ctx & Adds`: hovers and errors stay short.
type Merge<Ctx, Adds> = Adds extends object ? { [Key in keyof (Ctx & Adds)]: (Ctx & Adds)[Key] } : Ctx

/** The step itself where it fits; otherwise the sentence that the compiler prints. */
type Fit<Name extends string, Ctx extends object, Needs extends object, Adds extends Adding> =
  [Missing<Ctx, Needs>, Mistyped<Ctx, Needs>, Clash<Ctx, Adds>] extends [never, never, never]
    ? Step<Name, Needs, Adds>
    : | `${Name} needs '${Missing<Ctx, Needs>}', which no earlier step adds`
      | `${Name} needs '${Mistyped<Ctx, Needs>}' of another type than an earlier step adds`
      | `${Name} would overwrite '${Clash<Ctx, Adds>}', which an earlier step adds`

/** Watches every run of the pipelines it is given to; see `src/observer.ts` for the one we use. */
export interface Observer {
  /** Called as a run begins. Answers `undefined` where nobody watches: the run then pays nothing more. */
  begin (pipeline: string, start: object): Watch | undefined
}

/** Watches one run. */
export interface Watch {
  /** Does `work`, which is the step `name`, and answers what it answers or throws what it throws. */
  step<T> (name: string, work: () => Awaitable<T>): Awaitable<T>
  /** Called once, after the last step or the failed one. */
  end (failure?: PipelineFailure): void
}

/** Says which step of which pipeline failed. `code` is the cause's own, where it has one; the message never quotes the cause. */
export class PipelineFailure extends Error {
  override readonly name = 'PipelineFailure'
  readonly code: string | undefined

  constructor (readonly pipeline: string, readonly step: string, override readonly cause: unknown) {
    super(`${pipeline} failed at ${step}`)
    this.code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined
  }
}

/** An immutable list of steps; `Ctx` is what a step appended now could read. */
export class Pipeline<Start extends object, Ctx extends object = Start> {
  private constructor (
    readonly name: string,
    // Erased: `step` has checked each against its context, which is the only way in.
    readonly steps: ReadonlyArray<Step<string, any, Adding>>
  ) {}

  /** An empty pipeline whose runs start from `Start`. */
  static from<Start extends object> (name: string): Pipeline<Start> {
    return new Pipeline(name, [])
  }

  /** This pipeline and one step more. A step that cannot work at this place does not compile. */
  step<Name extends string, Needs extends object, Adds extends Adding> (
    next: Fit<Name, Ctx, Needs, Adds>
  ): Pipeline<Start, Merge<Ctx, Adds>> {
    return new Pipeline(this.name, [...this.steps, next as Step<Name, Needs, Adds>])
  }

  /**
   * Runs the steps in order, each on a frozen context of its own, and answers the last one.
   * An aborted `signal` stops the run before its next step; the step at work decides for itself.
   * @throws {PipelineFailure} the only thing it throws
   */
  async run (start: Start, observer?: Observer, signal?: AbortSignal): Promise<Readonly<Ctx>> {
    let ctx: object = Object.freeze({ ...start })
    const watch = observer?.begin(this.name, ctx)
    for (const { name, run } of this.steps) {
      try {
        signal?.throwIfAborted()
        const ran = watch === undefined ? run(ctx, signal) : watch.step(name, () => run(ctx, signal))
        // A synchronous step costs no turn of the event loop.
        const added = ran instanceof Promise ? await ran : ran
        if (added !== undefined) ctx = Object.freeze({ ...ctx, ...added })
      } catch (cause) {
        const failure = new PipelineFailure(this.name, name, cause)
        watch?.end(failure)
        throw failure
      }
    }
    watch?.end()
    return ctx as Ctx
  }
}
