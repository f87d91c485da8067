import { SingleBar } from 'cli-progress'

/** Shows how far something is. */
export interface Progress {
  /** Whether anybody sees it. */
  readonly isShown: boolean
  /** @param total 0 where it is not known */
  begin (what: string, total: number): void
  add (count: number): void
  end (): void
}

/** A bar on `stream`, where that is a terminal; else nothing. */
export function progressOn (stream: NodeJS.WriteStream): Progress {
  const barFor = (total: number) => new SingleBar({
    stream,
    format: total === 0 ? '{what} {value}' : '{what} [{bar}] {percentage}% | {value} of {total} | {eta_formatted} left',
    barCompleteChar: '=',
    barIncompleteChar: ' ',
    hideCursor: true
  })
  let bar = barFor(0)
  return {
    isShown: stream.isTTY,
    begin: (what, total) => {
      bar = barFor(total)
      bar.start(total, 0, { what })
    },
    add: count => bar.increment(count),
    end: () => bar.stop()
  }
}
