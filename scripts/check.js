// `npm run check`: lint, types and the tests that start no process and no browser, before a commit.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

// Builds, and so checks the types.
const { status } = spawnSync(process.execPath, ['scripts/setup.js', '--dev'], { stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)

const TESTS = join('dist', 'test')
const STARTS_PROCESSES = /^(?:node:child_process|playwright-core)$/

/** What a built file of dist/test imports, itself or by way of others there. */
function importsOf (file, found = new Set()) {
  for (const [, name] of readFileSync(file, 'utf8').matchAll(/^(?:import|export) (?:.* from )?['"]([^'"]+)['"]/gm)) {
    const path = name.startsWith('.') ? join(dirname(file), name) : name
    if (found.has(path)) continue
    found.add(path)
    if (path.startsWith(TESTS)) importsOf(path, found)
  }
  return found
}

const units = readdirSync(TESTS, { recursive: true }).filter(name => name.endsWith('.test.js')).map(name => join(TESTS, name))
  .filter(file => ![...importsOf(file)].some(name => STARTS_PROCESSES.test(name)))
const checks = [
  ['node_modules/eslint/bin/eslint.js', '.', '--cache', '--cache-location', 'node_modules/.cache/eslint/'],
  ['scripts/test.js', '--reporter=terse', ...units]
]
const codes = await Promise.all(checks.map(async args => {
  const [code] = await once(spawn(process.execPath, args, { stdio: 'inherit' }), 'close')
  return code
}))
process.exitCode = codes.every(code => code === 0) ? 0 : 1
