// names: Send, address, subject
import { Pipeline, step } from '../../../src/pipeline/pipeline.js'

const send = step('Send', (mail: { address: string, subject: string, text: string }) => { console.log(mail) })

Pipeline.from<{ text: string }>('mail').step(send)
