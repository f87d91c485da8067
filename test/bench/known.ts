import { rmSync } from 'node:fs'
import { BenchError } from './bench-error.js'
import type { Build } from './builds.js'
import type { Measure } from './measures.js'
import { Subject } from './subject.js'

/**
 * Those of `measures` that all of `builds` know, found by one request of each. `leave` is told of each other, why.
 * @throws {BenchError} where none is left, or one cannot even create
 */
export async function known (
  builds: readonly Build[], measures: readonly Measure[], dataDir: string, tokensFile: string, leave: (why: string) => void
): Promise<readonly Measure[]> {
  for (const build of builds) {
    const found: Measure[] = []
    const subject = await Subject.start(build, dataDir, tokensFile)
    for (const measure of measures) {
      const refused = await subject.refuses({ operation: 'create' })
      if (refused !== undefined) throw new BenchError(`${build.name} answers a create with ${refused}, and all else needs what is created`)
      const status = await subject.refuses(measure)
      if (status === undefined) found.push(measure)
      else leave(`${measure.name} is left out: ${build.name} answers it with ${status}`)
    }
    await subject.stop()
    rmSync(dataDir, { recursive: true })
    measures = found
  }
  if (measures.length === 0) throw new BenchError('nothing is left to compare')
  return measures
}
