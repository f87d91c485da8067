/** Why the bench cannot go on, for whoever started it: a sentence that says what to do. */
export class BenchError extends Error {
  override readonly name = 'BenchError'
}
