import { SingleBar } from 'cli-progress'

/** Shows how far something is. */
export interface Progress {
  /** Whether anybody sees it. */
  readonly isShown: boolean
  begin (what: string, total: number): void
  add (count: number): void
  end (): void
}

/** A bar on `stream`, where that is a terminal; else nothing. */
export function progressOn (stream: NodeJS.WriteStream): Progress {
  const bar = new SingleBar({
    stream,
    format: '{what} [{bar}] {percentage}% | {value} of {total} | {eta_formatted} left',
    barCompleteChar: '=',
    barIncompleteChar: ' ',
    hideCursor: true
  })
  return {
    isShown: stream.isTTY,
    begin: (what, total) => bar.start(total, 0, { what }),
    add: count => bar.increment(count),
    end: () => bar.stop()
  }
}
