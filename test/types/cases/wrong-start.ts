// names: requestId
import { Pipeline, step } from '../../../src/pipeline/pipeline.js'

const log = step('Log', ({ requestId }: { requestId: string }) => { console.log(requestId) })

await Pipeline.from<{ input: string, requestId: string }>('logged').step(log).run({ input: 'x' })
