import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { verify } from '../../src/engines/embedded/audit/verify.js'
import { newDataDir } from '../support/data-dir.js'
import { createClient } from '../support/http.js'
import { assertLogTellsOfStore } from '../support/log-of-store.js'
import { startProcess } from '../support/process.js'
import { assertKept } from './kill-check.js'
import { plans } from './kill-plan.js'
import { workUntilKilled } from './kill-work.js'

/** `MODEL_KILLS=50 npm test -- test/model/kill.test.ts` kills it more often, MODEL_SEED=7 among other requests. */
const ROUNDS = Number(process.env.MODEL_KILLS ?? 4)
const SEED = Number(process.env.MODEL_SEED ?? 20)

t.test(`kill -9 among those who make, make again, keep and delete, ${ROUNDS} times`, async t => {
  const env = { ECTX_DATA_DIR: newDataDir(t) }
  let gateway = await startProcess(t, { env })
  let rounds = 0
  // When it is killed is never the same, and so a failure cannot be made smaller.
  await fc.assert(fc.asyncProperty(plans, async plan => {
    const round = `r${rounds++}`
    const client = createClient(t, gateway.address)
    const wishes = await workUntilKilled(client, plan, round, gateway.kill)
    client.agent.destroy()
    t.same((await verify(join(env.ECTX_DATA_DIR, 'audit'))).problems, [], 'the log is whole, as it was killed')
    gateway = await startProcess(t, { env })
    const after = createClient(t, gateway.address)
    await assertKept(after, wishes, round)
    after.agent.destroy()
  }), { numRuns: ROUNDS, seed: SEED, endOnFailure: true })
  await gateway.stop()
  await assertLogTellsOfStore(t, env.ECTX_DATA_DIR)
})
