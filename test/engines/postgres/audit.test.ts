import t from 'tap'
import { systemClock } from '../../../src/clock.js'
import { postgresSupports as supports } from '../../../src/engines/postgres/postgres.js'
import { testAudit } from '../../audit/conformance.js'
import { postgresEngines } from './support.js'

const { open } = await postgresEngines(t)

testAudit(t, {
  name: 'audit table',
  supports,
  async open (directory) {
    const { audit, close } = await open(directory, systemClock)
    const closeLog = audit.close.bind(audit)
    let closing: Promise<void> | undefined
    audit.close = () => (closing ??= closeLog().then(() => {
      audit.close = closeLog
      return close()
    }))
    return audit
  }
})
