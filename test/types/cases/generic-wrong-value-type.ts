// names: Trim, input
import { Pipeline, step } from '../../../src/pipeline/pipeline.js'

const trim = step('Trim', ({ input }: { input: string }) => ({ trimmed: input.trim() }))

export const anyKind = <R extends object>() => Pipeline.from<{ input: R }>('generic').step(trim)
