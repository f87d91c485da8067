// names: gretting
import { Pipeline, step } from '../../../src/pipeline/pipeline.js'

const greet = step('Greet', ({ name }: { name: string }) => ({ greeting: `Hello ${name}` }))

const { gretting } = await Pipeline.from<{ name: string }>('welcome').step(greet).run({ name: 'you' })
console.log(gretting)
