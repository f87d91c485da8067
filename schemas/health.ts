import { output, stringEnum } from './helpers.js'

export const HealthSchema = output('Health', {
  status: stringEnum(['ok'])
}, { description: 'All is well.' })
