// names: Peek
import { Pipeline, step } from '../../../src/pipeline/pipeline.js'

const peek = step('Peek', (ctx: any) => ({ seen: ctx.whatever }))

Pipeline.from<{ text: string }>('read').step(peek)
