/** Tells `say` how often it was called: at the first call at once, of those that follow together, `everyMs` later. */
export function seldom (everyMs: number, say: (count: number) => void): () => void {
  let count = 0
  let timer: NodeJS.Timeout | undefined
  const tell = () => {
    timer = count === 0 ? undefined : setTimeout(tell, everyMs).unref()
    if (count > 0) say(count)
    count = 0
  }
  return () => {
    count++
    if (timer === undefined) tell()
  }
}
