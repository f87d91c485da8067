// `npm run check`: lint, types and the tests that start no process and no browser, before a commit.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

// Builds, and so checks the types.
const { status } = spawnSync(process.execPath, ['scripts/setup.js', '--dev'], { stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)

const checks = [
  ['node_modules/eslint/bin/eslint.js', '.', '--cache', '--cache-location', 'node_modules/.cache/eslint/'],
  ['scripts/test.js', '--without-processes']
]
const codes = await Promise.all(checks.map(async args => {
  const [code] = await once(spawn(process.execPath, args, { stdio: 'inherit' }), 'close')
  return code
}))
process.exitCode = codes.every(code => code === 0) ? 0 : 1
