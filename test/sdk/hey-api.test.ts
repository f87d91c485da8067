import { join } from 'node:path'
import { createClient } from '@hey-api/openapi-ts'
import t from 'tap'
import { trySdk } from '../support/sdk.js'

t.test('@hey-api/openapi-ts makes an SDK that is typed throughout and works', t =>
  trySdk(t, 'hey-api.ts', (document, dir) =>
    createClient({ input: document, output: join(dir, 'sdk'), logs: { level: 'silent', file: false } })))
