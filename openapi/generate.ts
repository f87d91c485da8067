// `npm run openapi`: writes openapi.json.
import { writeFileSync } from 'node:fs'
import { documentText } from './document.js'

writeFileSync('openapi/openapi.json', await documentText())
