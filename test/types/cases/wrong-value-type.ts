// names: CountDown, seconds, string, number
import { Pipeline, step } from '../../../src/pipeline/pipeline.js'

const parse = step('Parse', ({ text }: { text: string }) => ({ seconds: text.trim() }))
const countDown = step('CountDown', ({ seconds }: { seconds: number }) => ({ left: seconds - 1 }))

Pipeline.from<{ text: string }>('timer').step(parse).step(countDown)
