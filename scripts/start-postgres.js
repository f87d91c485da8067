// `npm run start:postgres`: a gateway on a PostgreSQL of its own, for trying out. Both keep what they have in ECTX_DATA_DIR.
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const { status } = spawnSync(process.execPath, ['scripts/setup.js', '--dev'], { stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)

const directory = resolve(process.env.ECTX_DATA_DIR ?? 'data', 'postgres')
const rootKey = join(directory, 'root.key')
mkdirSync(directory, { recursive: true })
if (!existsSync(rootKey)) writeFileSync(rootKey, randomBytes(32).toString('base64'), { mode: 0o600 })

const { startServer } = await import('./embedded-postgres.js')
const server = await startServer({ directory: join(directory, 'db') }).catch(error => {
  const file = join(directory, 'db', 'postmaster.pid')
  const [pid] = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []
  const holder = pid === undefined ? '' : ` Process ${pid} may have it: end that, or whoever started it.`
  console.error(`start:postgres: ${error.message}${holder}`)
  process.exit(1)
})
console.log(`PostgreSQL is ready. A second gateway: ECTX_PORT=8081 ECTX_STORE=${server.url} ECTX_ROOT_KEY_FILE=${rootKey} npm start`)

const gateway = spawn(process.execPath, ['--enable-source-maps', '--min-semi-space-size=16', 'dist/src/main.js'], {
  stdio: 'inherit',
  env: { ...process.env, ECTX_STORE: server.url, ECTX_ROOT_KEY_FILE: rootKey }
})
// Ctrl-C reaches both; the gateway takes a second signal for the same wish.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => gateway.kill(signal))
const [code] = await once(gateway, 'exit')
await server.stop()
process.exitCode = code ?? 1
