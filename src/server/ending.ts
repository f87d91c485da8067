import { systemClock } from '../clock.js'

/** What asks the process to end. A signal that asks for something else, such as a core dump, is left to Node. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'] as const
const ERRORS = ['uncaughtException', 'unhandledRejection'] as const

/** How long a further signal is the same wish. Ctrl-C under npm comes twice, from the terminal and from npm, and people press it again. */
const SAME_WISH_MS = 10_000

/**
 * When the process should end: at the first signal that asks for it, and at the first error that nobody caught. Once this is
 * made neither ends the process by itself: whoever made it exits, and has `withinMs` from then on. Later the process exits 1,
 * and so it does at a signal ten seconds after the first.
 */
export class Ending {
  /** The signal; `undefined` after an error. */
  readonly asked: Promise<NodeJS.Signals | undefined>
  isAsked = false
  /** Is told of every error that nobody caught. */
  onError: (error: unknown) => void

  constructor (withinMs: number, onError: (error: unknown) => void) {
    this.onError = onError
    this.asked = new Promise(resolve => {
      let mayForceAt = Infinity
      const ask = (signal?: NodeJS.Signals) => {
        if (systemClock.monotonic() > mayForceAt && signal !== undefined) process.exit(1)
        if (this.isAsked) return
        this.isAsked = true
        mayForceAt = systemClock.monotonic() + SAME_WISH_MS
        setTimeout(() => process.exit(1), withinMs)
        resolve(signal)
      }
      for (const signal of SIGNALS) process.on(signal, ask)
      for (const event of ERRORS) {
        process.on(event, (error: unknown) => {
          this.onError(error)
          ask()
        })
      }
    })
  }
}
