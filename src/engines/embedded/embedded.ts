import { placesIn } from '../../config/places.js'
import { GatewayError } from '../../errors.js'
import { loadRootKey } from '../../secrets/root-key.js'
import type { OpenEngine, Supports } from '../engine.js'
import { LocalDeliveries } from '../local-deliveries.js'
import { openAuditFiles } from './audit/audit-files.js'
import { isThere } from './backup/is-there.js'
import { RingFile } from './keys/ring-file.js'
import { LevelStore } from './level/level-store.js'
import { PositionsFile } from './positions-file.js'
import { makePrivate } from './private-directory.js'
import { Reserve } from './reserve.js'
import { TreeFiles } from './trees/tree-files.js'

const HALF_RESTORED = new GatewayError(
  'unavailable',
  'a restore into ECTX_DATA_DIR was stopped, and not all is there: run the same `npm run restore` again, which goes on with it'
)

export const embeddedSupports: Supports = { durable: true, sharedKeys: true }

/** A LevelDB, audit files, the file of a key ring and those of its trees, in the data directory, which one process at a time can have open. */
export const openEmbedded: OpenEngine = async ({ dataDir, keyRing, auditDays, auditMaxBytes, auditBacklog }, clock, warn, sink) => {
  const places = placesIn(dataDir, keyRing.file)
  const keys = new RingFile(places.keyRing, loadRootKey(keyRing.root))
  await makePrivate(dataDir)
  if (await isThere(places.restoring)) throw HALF_RESTORED
  // First: its lock keeps a second process out of the whole directory.
  const reserve = await Reserve.open(places.reserve, warn)
  const store = await LevelStore.open(places.database, clock, reserve)
  reserve.takeSoon()
  try {
    const audit = await openAuditFiles(
      store.outbox,
      { directory: places.audit, retentionDays: auditDays, maxBytes: auditMaxBytes, backlog: auditBacklog, clock, warn, sink }
    )
    const deliveries = new LocalDeliveries(store.feed, clock, new PositionsFile(places.deliveries))
    return {
      supports: embeddedSupports,
      store,
      feed: store.feed,
      deliveries,
      audit,
      keys,
      integrity: store.integrity,
      trees: new TreeFiles(places.trees, store),
      async close () {
        await reserve.close()
        await deliveries.close()
        await audit.close()
        await store.close()
      }
    }
  } catch (error) {
    await reserve.close()
    await store.close()
    throw error
  }
}
