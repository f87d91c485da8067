import { join } from 'node:path'
import t from 'tap'
import { openAuditFiles } from '../../../src/engines/embedded/audit/audit-files.js'
import { embeddedSupports as supports } from '../../../src/engines/embedded/embedded.js'
import { LevelStore } from '../../../src/engines/embedded/level/level-store.js'
import { testStore } from '../../storage/conformance.js'

testStore(t, {
  name: 'LevelDB',
  supports,
  open: async (directory, clock) => {
    const store = await LevelStore.open(join(directory, 'db'), clock)
    const audit = await openAuditFiles(store.outbox, { directory: join(directory, 'audit') })
    return { store, feed: store.feed, audit, close: () => audit.close().then(() => store.close()) }
  }
})
