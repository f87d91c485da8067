import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { promisify } from 'node:util'
import t from 'tap'
import { OPERATOR, withTokens } from '../support/callers.js'
import { startProcess } from '../support/process.js'

/** What each prints, among else, in this order. */
const PRINTS: Readonly<Record<string, RegExp>> = {
  'audit.sh': /\ncreated\nrevealed\ndeleted\n.*"event":"created"/s,
  'lease.sh': /\nin eu-central-1, with a token of 16 characters\n.*first: \{"deleted":\["exec-\w{26}"\]\}.*second: \{"deleted":\[\]\}/s,
  'once.sh': /\n(exec-\w{26})\n.*\n\1\n.*# it is the same: \1\n/s,
  'run-token.sh': /"value":"not-a-real-token".*\npermission_denied\n.*"slug".*\nunauthenticated\n/s,
  'run.sh': /"value":"not-a-real-token".*"slug":"example-run-\d+".*# and it is gone\nnot_found\n/s,
  'unchanged.sh': /"API_TOKEN":\{"is_secret":true\}.*\nETag: "exec-\w{26}\.1\.redacted"\n.*\n304\n/s
}

const scripts = readdirSync('examples').filter(name => name.endsWith('.sh') && name !== 'common.sh')
const run = promisify(execFile)

t.test('there are no others', async t => t.same(scripts.sort(), Object.keys(PRINTS)))

for (const [how, isGuarded] of Object.entries({ 'without credentials': false, 'with an operator’s token': true })) {
  t.test(how, async t => {
    const { address } = await startProcess(t, { env: isGuarded ? withTokens(t) : {} })
    const env = { PATH: process.env.PATH, ECTX_URL: address, ...(isGuarded && { ECTX_TOKEN: OPERATOR }) }
    for (const [script, prints] of Object.entries(PRINTS)) {
      const { stdout, stderr } = await run('sh', [`examples/${script}`], { env })
      t.match(stdout, prints, script)
      t.equal(stderr, '', script)
    }
    const answer = await fetch(`${address}/v1/audit-events`, { headers: isGuarded ? { authorization: `Bearer ${OPERATOR}` } : {} })
    const { events } = await answer.json() as { events: Array<{ event: string }> }
    const times = (name: string) => events.filter(({ event }) => event === name).length
    t.equal(times('deleted'), times('created'), 'each removes what it made')
  })
}
