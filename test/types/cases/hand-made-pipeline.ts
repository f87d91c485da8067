// names: private
import { Pipeline } from '../../../src/pipeline/pipeline.js'

export const unchecked = new Pipeline('unchecked', [])
