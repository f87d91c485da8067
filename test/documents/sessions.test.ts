// Every command of every session that a document shows is run, and must print what the document says.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { commandsOf } from './commands.js'
import { DOCUMENTS } from './documents.js'
import { startSession } from './session.js'

/** Not on every machine; where it must be, REQUIRE_GRPCURL says so. */
const lacksGrpcurl = process.env.REQUIRE_GRPCURL === undefined && spawnSync('grpcurl', ['-version']).error !== undefined

for (const document of DOCUMENTS) {
  const commands = commandsOf(readFileSync(document, 'utf8')).filter(({ text }) => !(lacksGrpcurl && text.startsWith('grpcurl ')))
  if (commands.length === 0) continue
  t.test(document, async t => {
    const session = await startSession(t)
    for (const command of commands) {
      t.strictSame(await session.differs(command), undefined, `${document}:${command.line} ${command.text.split('\n')[0]}`)
    }
  })
}
