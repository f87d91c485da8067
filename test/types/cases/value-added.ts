// names: string
import { step } from '../../../src/pipeline/pipeline.js'

export const length = step('Length', ({ text }: { text: string }) => `${text.length}`)
