import { output, stringEnum } from './helpers.js'

export const HealthSchema = output('Health', {
  status: stringEnum(['ok'], { description: 'Nothing else is ever said with 200.' })
}, { description: 'All is well.' })
