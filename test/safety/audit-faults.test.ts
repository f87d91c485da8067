import { copyFile, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { AuditProblem } from '../../src/audit/audit-problem.js'
import { verify } from '../../src/engines/embedded/audit/verify.js'
import { MemoryStore } from '../../src/engines/memory/memory-store.js'
import { filesOf, recordsOf } from '../audit/support.js'
import { limitFileSize } from '../support/file-size.js'
import { contextBody, createContext, PATH, post, startGateway } from '../support/gateway.js'
import { assertProblem } from '../support/problem.js'
import { KIND } from '../support/records.js'
import { until } from '../support/until.js'

interface Fault {
  readonly begin: (directory: string, file: string) => Promise<void>
  readonly end: (directory: string) => Promise<void>
  /** What is found to be missing afterwards. */
  readonly problems: ReadonlyArray<Partial<AuditProblem> | { problem: RegExp }>
}

const nothing = async () => {}

const faults: Readonly<Record<string, Fault>> = {
  'the disk is full': {
    begin: async () => limitFileSize(1),
    end: async () => limitFileSize('unlimited'),
    problems: []
  },
  'the directory is moved away, and back': {
    begin: directory => rename(directory, `${directory}.away`),
    end: directory => rename(`${directory}.away`, directory),
    problems: []
  },
  'the directory is removed, and made again': {
    begin: directory => rm(directory, { recursive: true }),
    end: async directory => { await mkdir(directory) },
    problems: [{ problem: /^the lines number 1 to 3 are missing before this line$/ }]
  },
  // These two it mends by itself, in a new file.
  'the file is unlinked': {
    begin: (_, file) => rm(file),
    end: nothing,
    problems: [{ problem: /^the lines number 1 to 3 are missing before this line$/ }]
  },
  'the file is replaced': {
    begin: async (_, file) => {
      await copyFile(file, `${file}.copy`)
      await rename(`${file}.copy`, file)
    },
    end: nothing,
    problems: []
  }
}

type App = Awaited<ReturnType<typeof startGateway>>['app']

/** Asks all there is at once. */
async function askAll (app: App, { kept, doomed }: Record<'kept' | 'doomed', { id: string, etag: string }>) {
  const [held, size, deleted, redacted, ready, ...others] = await Promise.all([
    app.inject({ url: `${PATH}/${kept.id}`, headers: { 'if-none-match': kept.etag } }),
    app.inject({ method: 'HEAD', url: `${PATH}/${kept.id}` }),
    app.inject({ method: 'DELETE', url: `${PATH}/${doomed.id}`, headers: { 'x-request-id': 'delete' } }),
    app.inject(`${PATH}/${kept.id}?view=redacted`),
    app.inject('/readyz'),
    app.inject(`${PATH}/${kept.id}`),
    app.inject(`${PATH}/by-reference?slug=kept`),
    post(app, contextBody()),
    post(app, contextBody({ metadata: { name: 'plain' }, spec: { execution_id: 'wfx-1', data: { REGION: { value: 'x' } } } })),
    post(app, contextBody({ metadata: { name: 'applied' } }), `${PATH}/apply`)
  ])
  return { held, size, deleted, redacted, ready, others }
}

const HIDDEN = { REGION: { value: 'eu-central-1', is_secret: false }, TOKEN: { is_secret: true } }

for (const [what, { begin, end, problems }] of Object.entries(faults)) {
  /** A gateway whose log is out of order, which it knows. */
  async function withFault (t: Test, backlog: string) {
    const store = new MemoryStore()
    const gateway = await startGateway(t, store, { ECTX_AUDIT_BACKLOG: backlog })
    const { app, lines, dataDir } = gateway
    const directory = join(dataDir, 'audit')
    const [kept, doomed] = [await createContext(app, 'kept'), await createContext(app, 'doomed')]
    const told = (message: RegExp) => () => lines.some(({ msg }) => message.test(msg as string))
    await until(async () => (await recordsOf(directory)).length === 3)
    await begin(directory, join(directory, (await filesOf(directory))[0]!))
    t.equal((await app.inject(`${PATH}/${kept.id}?view=redacted`)).statusCode, 200)
    await until(told(/cannot be written/))
    return { ...gateway, store, directory, kept, doomed, mended: () => until(told(/can be written again/)) }
  }

  async function assertWritten (t: Test, directory: string, expected: string[]) {
    const records = await recordsOf(directory)
    t.same(records.filter(({ sequence }) => sequence > 3).map(({ event, slug }) => `${event} ${slug}`).toSorted(), expected.toSorted())
    const found = await verify(directory)
    t.match(found.problems, problems)
    t.equal(found.problems.length, problems.length)
    t.notMatch(JSON.stringify(records), /s3cr3t/)
  }

  t.test(`where ${what}, everything goes on, and is written when it can be`, async t => {
    const { app, directory, lines, kept, doomed, mended } = await withFault(t, '10000')
    try {
      const { held, size, deleted, redacted, ready, others } = await askAll(app, { kept, doomed })
      t.same([held, size, deleted, redacted, ready].map(({ statusCode }) => statusCode), [304, 200, 200, 200, 200])
      t.same(others.map(({ statusCode }) => statusCode), [200, 200, 201, 201, 201])
      t.same(deleted.json(), doomed.context)
      t.same(others[0]!.json(), kept.context)
    } finally {
      await end(directory)
    }
    await mended()
    t.match((await app.inject(`${PATH}/${doomed.id}/audit`)).json().events.at(-1), {
      event: 'deleted', operation: 'delete', context_id: doomed.id, keys: ['TOKEN'], request_id: 'delete', outcome: 'ok'
    })
    await assertWritten(t, directory, [
      'read kept', 'read kept', 'read kept', 'read kept', 'revealed kept', 'revealed kept', 'deleted doomed', 'created my-run', 'created plain', 'created applied'
    ])
    t.notMatch(JSON.stringify(lines), /s3cr3t/)
  })

  t.test(`where ${what}, and too much waits, nothing secret is disclosed and nothing made until it can be recorded again`, async t => {
    const { app, directory, store, kept, doomed, mended } = await withFault(t, '0')
    try {
      const { held, size, deleted, redacted, ready, others } = await askAll(app, { kept, doomed })
      for (const response of [ready, ...others]) {
        assertProblem(t, response, { status: 503, code: 'unavailable' })
        t.notMatch(response.payload, /s3cr3t/)
      }
      t.same((await store.page(KIND, {}, undefined, 9)).records.map(({ id }) => id), [kept.id], 'one was deleted, none was created')
      for (const response of [deleted, redacted]) {
        t.equal(response.statusCode, 200)
        t.same(response.json().spec.data, HIDDEN)
      }
      t.equal((await app.inject('/healthz')).statusCode, 200)
      t.same([held.statusCode, size.statusCode], [304, 200], 'what shows nothing waits for no log')
    } finally {
      await end(directory)
    }
    await mended()
    t.equal((await app.inject('/readyz')).statusCode, 200)
    t.same((await app.inject(`${PATH}/${kept.id}`)).json(), kept.context)
    t.equal((await post(app, contextBody())).statusCode, 201)
    t.match((await app.inject(`${PATH}/${doomed.id}/audit`)).json().events.at(-1), { event: 'deleted', keys: undefined, request_id: 'delete', outcome: 'ok' })
    await assertWritten(t, directory, ['read kept', 'read kept', 'read kept', 'read kept', 'deleted doomed', 'revealed kept', 'created my-run'])
  })
}

t.test('a log that cannot be opened is not done without: the gateway does not start, and says what to do', async t => {
  const dataDir = t.testdir({ audit: 'a file' })
  await t.rejects(startGateway(t, new MemoryStore(), { ECTX_DATA_DIR: dataDir }), { code: 'unavailable', message: /make it a directory that this user may write/ })
})
