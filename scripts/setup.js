// Runs before `npm start` and `npm test`: installs what the lock file names and builds dist/, each only where it is
// missing or out of date. Needs nothing but Node and npm.
import { spawnSync } from 'node:child_process'
import { readdirSync, rmSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'

const changed = path => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
const newest = folder => Math.max(0, ...readdirSync(folder, { recursive: true }).map(name => changed(join(folder, name))))

function run (command, ...args) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', shell: process.platform === 'win32' })
  if (status === 0) return
  console.error(`setup: '${[command, ...args].join(' ')}' failed${error ? `: ${error.message}` : ''}`)
  process.exit(1)
}

if (changed('node_modules/.package-lock.json') < changed('package-lock.json')) run('npm', 'ci')

const BUILT = 'dist/src/main.js'
const others = ['openapi/document.ts', 'openapi/generate.ts', 'tsconfig.json', 'tsconfig.build.json', 'node_modules/.package-lock.json']
const sources = Math.max(newest('src'), newest('schemas'), newest('test/bench'), ...others.map(changed))
if (changed(BUILT) < sources) {
  rmSync('dist', { recursive: true, force: true })
  run(process.execPath, 'node_modules/typescript/bin/tsc', '--project', 'tsconfig.build.json')
  utimesSync(BUILT, new Date(), new Date())
}
