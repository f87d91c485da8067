// names: Recall, id, already there
import { Finish, Pipeline, step } from '../../../src/pipeline/pipeline.js'

const recall = step('Recall', ({ id }: { id: string }) => id === '' ? undefined : new Finish({ id: 'another' }))

Pipeline.from<{ id: string }>('cached').step(recall)
