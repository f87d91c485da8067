// names: sulg
import { step } from '../../../src/pipeline/pipeline.js'

export const greet = step('Greet', ({ sulg }: { slug: string }) => ({ greeting: sulg }))
