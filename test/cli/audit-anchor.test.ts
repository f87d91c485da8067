import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import pino from 'pino'
import t, { type Test } from 'tap'
import { readHead } from '../../src/audit/signed-head.js'
import { composeGateway } from '../../src/compose/compose.js'
import { loadConfig } from '../../src/config/config.js'
import { filesOf, linesOf, numbers, openFiles, recordAll, rewrite } from '../audit/support.js'
import { newDataDir } from '../support/data-dir.js'

const ROOT_KEY = Buffer.alloc(32, 7).toString('base64')

async function cli (env: Record<string, string>, ...args: string[]) {
  const child = spawn(process.execPath, ['dist/src/cli/audit.js', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code, stdout, stderr }
}

/** Where a gateway ran three times, and what it signed. */
async function signed (t: Test, more: Record<string, string> = {}) {
  const env: Record<string, string> = { ECTX_DATA_DIR: newDataDir(t), ECTX_PORT: '0', ...more }
  for (let time = 0; time < 3; time++) {
    const { close } = await composeGateway(loadConfig(env), pino({ level: 'silent' }))
    await close()
  }
  const audit = join(env.ECTX_DATA_DIR!, 'audit')
  const anchor = env.ECTX_AUDIT_ANCHOR ?? join(env.ECTX_DATA_DIR!, 'audit-heads.jws')
  return { env, audit, anchor, heads: (await readFile(anchor, 'utf8')).trimEnd().split('\n') }
}

/** Another log in the place of the one there, as long and whole. */
async function writeAnew (audit: string) {
  const [name] = await filesOf(audit)
  const { length } = await linesOf(audit, name!)
  await rm(audit, { recursive: true })
  const log = await openFiles(audit)
  await recordAll(log, numbers(1, length))
  await log.close()
}

t.test('a gateway signs where its log ends, at least when it stops, and the log is compared with that', async t => {
  const { env, anchor, heads } = await signed(t, { ECTX_ROOT_KEY: ROOT_KEY })
  const { code, stdout: key } = await cli({ ECTX_ROOT_KEY: ROOT_KEY }, 'key')
  t.equal(code, 0)
  t.match(key, /^[\w-]{43}\n$/)
  const last = await readHead(heads.at(-1)!)
  t.match(last, { sequence: 6, publicKey: key.trim() }, 'with what it tells of its stop')
  t.match(await cli(env, 'verify'), { code: 0, stdout: new RegExp(`6 lines in 1 files, compared with ${heads.length} signed heads, whole\n$`) })
  t.equal((await stat(anchor)).mode & 0o777, 0o600)
  t.notMatch(heads.map(head => Buffer.from(head.split('.')[0]!, 'base64url').toString()).join(), /"d"/, 'with no private key')
  const { ECTX_ROOT_KEY, ...auditor } = env
  t.match(await cli(auditor, 'verify', '--anchor', anchor, '--key', key.trim()), { code: 0, stdout: /compared with/ }, 'by who has no root key')
})

t.test('verify finds a log that was written anew, cut at its end, or removed, and heads of another key, and names the line of the anchor', async t => {
  const attacks: Record<string, [attack: (audit: string, anchor: string) => Promise<unknown>, problem: RegExp]> = {
    anew: [writeAnew, /\.jws:\d+ signed another line number \d than the log has/],
    cut: [async audit => {
      const [name] = await filesOf(audit)
      await rewrite(audit, name!, lines => lines.slice(0, 4))
      await rm(join(audit, 'head.json'))
      await (await openFiles(audit)).close()
    }, /\.jws:\d+ signed line number 6, which the log has not/],
    emptied: [async audit => {
      await rm(audit, { recursive: true })
      await (await openFiles(audit)).close()
    }, /\.jws:\d+ signed line number 6, which the log has not/],
    'heads of another key': [async (audit, anchor) => {
      await writeAnew(audit)
      const other = await signed(t, { ECTX_ROOT_KEY: Buffer.alloc(32, 8).toString('base64') })
      await writeFile(anchor, `${other.heads.join('\n')}\n`)
    }, /\.jws:1 was signed by another key/],
    'a head that was changed': [async (_, anchor) => {
      const [first, ...others] = (await readFile(anchor, 'utf8')).split('\n')
      const [header, payload, signature] = first!.split('.')
      const changed = Buffer.from(Buffer.from(payload!, 'base64url').toString().replace(/"sequence":\d/, '"sequence":3')).toString('base64url')
      await writeFile(anchor, [[header, changed, signature].join('.'), ...others].join('\n'))
    }, /\.jws:1 is no head that its key has signed/]
  }
  for (const [what, [attack, problem]] of Object.entries(attacks)) {
    const { env, audit, anchor } = await signed(t, { ECTX_ROOT_KEY: ROOT_KEY })
    await attack(audit, anchor)
    t.match(await cli(env, 'verify'), { code: 1, stdout: problem }, what)
  }
})

t.test('without a root key heads are signed where an anchor is asked for, by another key at each start', async t => {
  const anchor = join(newDataDir(t), 'heads')
  const { env, audit, heads } = await signed(t, { ECTX_AUDIT_ANCHOR: anchor })
  t.equal(new Set((await Promise.all(heads.map(readHead))).map(({ publicKey }) => publicKey)).size, 3)
  t.match(await cli(env, 'verify'), { code: 0, stdout: /compared with \d+ signed heads, whole/ })
  await writeAnew(audit)
  t.match(await cli(env, 'verify', '--anchor', anchor), { code: 1, stdout: /signed another line/ })
  t.match(await cli(env, 'key'), { code: 2, stderr: /set ECTX_ROOT_KEY_FILE/ })
  t.match(await cli(env, 'verify', '--anchor', `${anchor}.absent`), { code: 2, stderr: /ENOENT|absent/ })
})
