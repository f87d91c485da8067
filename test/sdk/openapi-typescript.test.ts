import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import openapiTS, { astToString } from 'openapi-typescript'
import t from 'tap'
import { trySdk } from '../support/sdk.js'

t.test('openapi-typescript and openapi-fetch make an SDK that is typed throughout and works', t =>
  trySdk(t, 'openapi-fetch.ts', async (document, dir) =>
    writeFile(join(dir, 'sdk.ts'), astToString(await openapiTS(pathToFileURL(document))))))
