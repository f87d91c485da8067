type Awaitable<T> = T | Promise<T>
type Adding = object | void

/** What can stop a run, such as an `AbortSignal`. */
export interface Stop {
  throwIfAborted (): void
}

/** A named unit of work: reads `Needs` from the context, returns what it `Adds` to it. Knows no transport. */
export interface Step<Name extends string, Needs extends object, Adds extends Adding> {
  readonly name: Name
  readonly run: (ctx: Needs, signal?: Stop) => Awaitable<Adds>
  /** Whether it changes something for good: a run that has begun it is not stopped any more. */
  readonly commits?: true
}

/**
 * Declares a step: the annotation of `run`'s parameter lists what it needs, its return type is what it adds.
 * What it depends on (a store, a clock) is closed over; the context holds data only.
 */
export const step = <Name extends string, Needs extends object, Adds extends Adding>(
  name: Name,
  run: (ctx: Needs, signal?: Stop) => Awaitable<Adds>
): Step<Name, Needs, Adds> => ({ name, run })

/** Declares a step that changes something for good: once it has begun, the run goes on to its end, whoever goes away. */
export const commit = <Name extends string, Needs extends object, Adds extends Adding>(
  name: Name,
  run: (ctx: Needs) => Awaitable<Adds>
): Step<Name, Needs, Adds> => ({ name, run, commits: true })

/** What a step answers that ends the run here, as a success: `last` is the last thing that is added. */
export class Finish<Last extends object> {
  // Private, so that the compiler takes no other object for one.
  readonly #last: Last

  constructor (last: Last) {
    this.#last = last
  }

  get last (): Last {
    return this.#last
  }
}

/** What a step adds where the run goes on, and what it adds where it ends the run. */
type Onward<Adds> = Exclude<Adds, Finish<object>>
type Ending<Adds> = Adds extends Finish<infer Last> ? Last : never

// Of a union, the keys of every member: what may be there counts as there.
type KeyOf<T> = T extends unknown ? keyof T : never
type Missing<Ctx, Needs> = Exclude<keyof Needs, KeyOf<Ctx>> & string
type Clash<Ctx, Adds> = KeyOf<Ctx> & KeyOf<Adds> & string
// `any`, a record and a list bring keys that no type names; they would blind every check after them.
type Unnamed<Key> = string extends Key ? true : number extends Key ? true : false
type Mistyped<Ctx, Needs> = {
  [Key in keyof Ctx & keyof Needs]: Ctx[Key] extends Needs[Key] ? never : Key
}[keyof Ctx & keyof Needs] & string
// One flat object, not `Ctx & Adds`: hovers and errors stay short. A step that may add nothing leaves a union.
type Merge<Ctx, Adds> = [Adds] extends [never]
  ? Ctx
  : Adds extends object ? { [Key in keyof (Ctx & Adds)]: (Ctx & Adds)[Key] } : Ctx

/**
 * The step itself where it fits; otherwise the sentence that the compiler prints. Whether values fit is asked in the
 * compiler's own way, which also works in a generic pipeline; where they do not, it explains that against `Ctx`.
 */
type Fit<Name extends string, Ctx extends object, Needs extends object, Adds extends Adding> =
  Unnamed<keyof Needs | KeyOf<Onward<Adds> | Ending<Adds>>> extends true
    ? `${Name} must name each key that it needs or adds`
    : [Missing<Ctx, Needs> | Clash<Ctx, Onward<Adds> | Ending<Adds>>] extends [never]
        ? [Ctx] extends [Needs]
            ? Step<Name, Needs, Adds>
            : Step<Name, Ctx, Adds> | `${Name} needs '${Mistyped<Ctx, Needs>}' of another type than it has here`
        : | `${Name} needs '${Missing<Ctx, Needs>}', which no earlier step adds`
          | `${Name} would overwrite '${Clash<Ctx, Onward<Adds> | Ending<Adds>>}', which is already there`

/** Watches every run of the pipelines it is given to; must not throw. `src/telemetry/observer.ts` is the one we use. */
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

  constructor (readonly pipeline: string, readonly step: string, cause: unknown) {
    super(`${pipeline} failed at ${step}`, { cause })
    this.code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined
  }
}

/** What every run's context has from the beginning, beside what it was called with. */
export interface Run {
  /** The pipeline's name. */
  operation: string
}

// Of each member of a union by itself, so that what tells them apart stays.
type Begun<Start> = Start extends unknown ? Merge<Start, Run> : never

// What a run has that a step may end: nothing, where none may.
type Ended<Ctx, Adds> = [Ending<Adds>] extends [never] ? never : Merge<Ctx, Ending<Adds>>

/**
 * An immutable list of steps. `Ctx` is what a step appended now could read, exactly: a pipeline cannot be made to forget a key.
 * `End` is what there is where an earlier step ended the run.
 */
export class Pipeline<Start extends object, in out Ctx extends object, out End extends object = never> {
  private constructor (
    readonly name: string,
    // Erased: `step` has checked each against its context, which is the only way in.
    readonly steps: ReadonlyArray<Step<string, any, Adding>>
  ) {}

  /** An empty pipeline whose runs start from `Start`; steps find its name under `operation`. */
  static from<Start extends object & { readonly operation?: never }> (name: string): Pipeline<Start, Begun<Start>> {
    return new Pipeline(name, [])
  }

  /** This pipeline and one step more. A step that cannot work at this place does not compile. */
  step<Name extends string, Needs extends object, Adds extends Adding> (
    next: Fit<Name, Ctx, Needs, Adds>
  ): Pipeline<Start, Merge<Ctx, Onward<Adds>>, End | Ended<Ctx, Adds>> {
    return new Pipeline(this.name, [...this.steps, next as Step<Name, Needs, Adds>])
  }

  /**
   * Runs the steps in order, each on a frozen context of its own, and answers the last one. A step that answers a `Finish` is
   * the last to run.
   * An aborted `signal` stops the run before its next step, unless one that commits has begun; the step at work decides for itself.
   * @throws {PipelineFailure} the only thing it throws
   */
  async run (start: Start, observer?: Observer, signal?: Stop): Promise<Readonly<Ctx> | Readonly<End>> {
    // Not `{ ...start }`: in Node 20 a copy of a literal gets a hidden class of its own each time.
    let ctx: object = Object.freeze(Object.assign({}, start, { operation: this.name }))
    const watch = observer?.begin(this.name, ctx)
    for (const step of this.steps) {
      try {
        signal?.throwIfAborted()
        if (step.commits === true) signal = undefined
        const ran = watch === undefined ? step.run(ctx, signal) : watched(watch, step, ctx, signal)
        // A synchronous step costs no turn of the event loop.
        const added = ran instanceof Promise ? await ran : ran
        if (added instanceof Finish) {
          ctx = extend(ctx, added.last)
          break
        }
        if (added !== undefined) ctx = extend(ctx, added)
      } catch (cause) {
        const failure = new PipelineFailure(this.name, step.name, cause)
        watch?.end(failure)
        throw failure
      }
    }
    watch?.end()
    return ctx as Ctx | End
  }
}

// Apart from `run`, whose variables a closure would move to the heap for every step, watched or not.
const watched = (watch: Watch, { name, run }: Step<string, any, Adding>, ctx: object, signal?: Stop) =>
  watch.step(name, () => run(ctx, signal))

/** Types admit values with more keys than they name; none of those may change what an earlier step has established. */
function extend (ctx: object, added: object): object {
  for (const key in added) {
    if (Object.hasOwn(ctx, key)) throw new TypeError(`would overwrite '${key}', which is already there`)
  }
  return Object.freeze({ ...ctx, ...added })
}
