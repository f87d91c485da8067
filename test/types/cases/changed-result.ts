// names: greeting
import { Pipeline, step } from '../../../src/pipeline/pipeline.js'

const greet = step('Greet', ({ name }: { name: string }) => ({ greeting: `Hello ${name}` }))

const result = await Pipeline.from<{ name: string }>('welcome').step(greet).run({ name: 'you' })
result.greeting = 'Bye'
