import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import { startGateway } from './gateway.js'

/** What each program in `test/sdk/programs/` learns through its SDK; `id` is that of the context it creates. */
const expected = (id: unknown) => ({
  created: [201, 'my-run', 'eu-central-1'],
  conflict: [409, 'already_exists', id],
  invalid: [400, 'invalid_argument', ['/metadata', '/spec/execution_id']],
  missing: [404, 'not_found'],
  got: [200, 'system'],
  byReference: [200, id],
  applied: [201, 'another'],
  applyConflict: [409, id],
  listed: [200, [id]],
  kept: [200, 'string'],
  batch: [200, 1, ['exec-nobody']],
  environment: [200, { REGION: 'eu-central-1', TOKEN: 's3cr3t' }],
  cleared: [200, 1],
  deleted: [200, 'wfx-1'],
  gone: [404, 'not_found']
})

/**
 * Generates an SDK from the committed document, compiles a program that uses it under `--strict`, and runs that on a
 * gateway that listens.
 */
export async function trySdk (t: Test, program: string, generate: (document: string, dir: string) => Promise<unknown>): Promise<void> {
  const dir = t.testdir({
    'package.json': '{ "type": "module" }',
    'program.ts': readFileSync(`test/sdk/programs/${program}`, 'utf8')
  })
  await generate(resolve('openapi/openapi.json'), dir)

  const options = ['--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2023', '--types', 'node', '--outDir', join(dir, 'built')]
  const { status, stdout } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', ...options, '--ignoreConfig', join(dir, 'program.ts')], { encoding: 'utf8' })
  t.equal(status, 0, stdout)

  const { app } = await startGateway(t)
  const { run }: { run: (baseUrl: string) => Promise<object> } = await import(pathToFileURL(join(dir, 'built/program.js')).href)
  const { id, ...learned } = { id: undefined, ...await run(await app.listen({ host: '127.0.0.1', port: 0 })) }
  t.same(learned, expected(id))
}
