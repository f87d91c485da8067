import { setTimeout as sleep } from 'node:timers/promises'
import { gatewaysAt } from '../../engines/postgres/presence.js'
import { GatewayError } from '../../errors.js'

// A session that has ended is there for a moment more.
const LOOKS = 10
const PAUSE_MS = 200

/** Whether there is something of ours in the schema of `url`. @throws `failed_precondition` where a gateway other than `own` has it open */
export async function isThereAlone (url: string, own?: string): Promise<boolean> {
  for (let look = 1; ; look++) {
    const others = (await gatewaysAt(url))?.filter(name => name !== own)
    if (others === undefined || others.length === 0) return others !== undefined
    if (look === LOOKS) throw inUse(others)
    await sleep(PAUSE_MS)
  }
}

const inUse = (gateways: readonly string[]) => new GatewayError(
  'failed_precondition',
  `open by ${gateways.map(name => `'${name}'`).join(', ')}: stop all gateways, and other copies, and run this again`
)
