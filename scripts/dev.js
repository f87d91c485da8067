// `npm run dev`: the gateway from what is in src/, started anew after each change that compiles.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

const { status } = spawnSync(process.execPath, ['scripts/setup.js'], { stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)

const TSC = ['node_modules/typescript/bin/tsc', '--project', 'tsconfig.build.json', '--watch', '--preserveWatchOutput']
const compiler = spawn(process.execPath, TSC, { stdio: ['ignore', 'pipe', 'inherit'] })
let gateway
let restarting = Promise.resolve()

createInterface(compiler.stdout).on('line', line => {
  if (line !== '') console.log(line)
  if (/Found 0 errors/.test(line)) restarting = restarting.then(restart)
})

// Ctrl-C reaches all of them; the gateway takes a second signal for the same wish.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    compiler.kill()
    await stop()
    process.exit(0)
  })
}

async function restart () {
  await stop()
  gateway = spawn(process.execPath, ['--enable-source-maps', 'dist/src/main.js'], { stdio: 'inherit' })
}

async function stop () {
  if (gateway === undefined || gateway.exitCode !== null || gateway.signalCode !== null) return
  gateway.kill()
  await once(gateway, 'exit')
}
