/** Something that the log would not hold if nobody had touched it. */
export interface AuditProblem {
  /** A file of the log or of signed heads, or the gateway whose chain it is. */
  readonly where: string
  /** The line in the file, or its number in the chain; 0 for the whole of it. */
  readonly line: number
  readonly problem: string
}
