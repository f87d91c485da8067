// names: operation
import { Pipeline } from '../../../src/pipeline/pipeline.js'

// A run's own key: what it is called with may not bring it.
export const taken = Pipeline.from<{ id: string, operation: string }>('taken')
