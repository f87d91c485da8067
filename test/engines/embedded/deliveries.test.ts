import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { systemClock, type Clock } from '../../../src/clock.js'
import { loadConfig } from '../../../src/config/config.js'
import { embeddedSupports as supports, openEmbedded } from '../../../src/engines/embedded/embedded.js'
import { testDeliveries } from '../../storage/conformance-deliveries.js'
import { newDataDir } from '../../support/data-dir.js'

const open = (directory: string, clock: Clock) => openEmbedded(loadConfig({ ECTX_DATA_DIR: directory }), clock, () => {})

testDeliveries(t, { name: 'embedded', supports, open })

t.test('a position of which a bit has turned is none, and says what to do', async t => {
  const directory = newDataDir(t)
  const { deliveries, close } = await open(directory, systemClock)
  t.teardown(close)
  const file = join(directory, 'deliveries.json')
  await deliveries.take('events', 'x', 1_000)
  const again = await openAgain(t, directory, close)
  const bytes = readFileSync(file)
  bytes[20]! ^= 1
  writeFileSync(file, bytes)
  await t.rejects(again.take('events', 'x', 1_000), { code: 'unavailable', message: /deliveries\.json is damaged: restore it/ })
})

async function openAgain (t: { teardown (end: () => Promise<void>): void }, directory: string, close: () => Promise<void>) {
  await close()
  const engine = await open(directory, systemClock)
  t.teardown(() => engine.close())
  return engine.deliveries
}
