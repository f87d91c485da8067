import { copyFile, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { verify, type AuditProblem } from '../../src/audit/verify.js'
import { MemoryStore } from '../../src/storage/memory.js'
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
  // These two it mends by itself, in a new file; nothing is let through before.
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

for (const [what, { begin, end, problems }] of Object.entries(faults)) {
  t.test(`where ${what}, nothing secret is disclosed and nothing made until it can be recorded again`, async t => {
    const store = new MemoryStore()
    const { app, lines, dataDir } = await startGateway(t, store)
    const directory = join(dataDir, 'audit')
    const ready = async () => (await app.inject('/readyz')).statusCode === 200
    const [kept, doomed] = [await createContext(app, 'kept'), await createContext(app, 'doomed')]
    const plain = { spec: { execution_id: 'wfx-1', data: { REGION: { value: 'x' } } } }

    try {
      await begin(directory, join(directory, (await filesOf(directory))[0]!))
      // All at once: what one of them finds out holds for all, and no time passes in which it could be mended.
      const [held, size, deleted, redacted, alive, ...refused] = await Promise.all([
        app.inject({ url: `${PATH}/${kept.id}`, headers: { 'if-none-match': kept.etag } }),
        app.inject({ method: 'HEAD', url: `${PATH}/${kept.id}` }),
        app.inject({ method: 'DELETE', url: `${PATH}/${doomed.id}`, headers: { 'x-request-id': 'delete' } }),
        app.inject(`${PATH}/${kept.id}?view=redacted`),
        app.inject('/healthz'),
        app.inject(`${PATH}/${kept.id}`),
        app.inject(`${PATH}/by-reference?slug=kept`),
        post(app, contextBody()),
        post(app, contextBody({ metadata: { name: 'plain' }, ...plain })),
        post(app, contextBody({ metadata: { name: 'applied' } }), `${PATH}/apply`),
        app.inject('/readyz')
      ])
      for (const response of refused) {
        assertProblem(t, response, { status: 503, code: 'unavailable' })
        t.notMatch(response.payload, /s3cr3t/)
      }
      t.same((await store.page(KIND, {}, undefined, 9)).records.map(({ id }) => id), [kept.id], 'one was deleted, none was created')
      for (const response of [deleted, redacted]) {
        t.equal(response.statusCode, 200)
        t.same(response.json().spec.data, { REGION: { value: 'eu-central-1', is_secret: false }, TOKEN: { is_secret: true } })
      }
      t.equal(alive.statusCode, 200)
      t.same([held.statusCode, size.statusCode], [304, 200], 'what shows nothing waits for no log')
    } finally {
      await end(directory)
    }

    await until(ready)
    t.same((await app.inject(`${PATH}/${kept.id}`)).json(), kept.context)
    t.equal((await post(app, contextBody())).statusCode, 201)
    t.equal((await post(app, contextBody({ metadata: { name: 'applied' } }), `${PATH}/apply`)).statusCode, 201)
    t.match((await app.inject(`${PATH}/${doomed.id}/audit`)).json().events.at(-1), {
      event: 'deleted', operation: 'delete', context_id: doomed.id, keys: undefined, request_id: 'delete', outcome: 'ok'
    })

    const records = await recordsOf(directory)
    const since = records.filter(({ sequence }) => sequence > 3).map(({ event, slug }) => `${event} ${slug}`)
    t.same(since.slice(0, 4).sort(), ['deleted doomed', 'read kept', 'read kept', 'read kept'], 'what went on is recorded first')
    t.same(since.slice(4), ['revealed kept', 'created my-run', 'created applied'], 'what was refused is not there')
    const found = await verify(directory)
    t.match(found.problems, problems)
    t.equal(found.problems.length, problems.length)
    t.notMatch(JSON.stringify([lines, records]), /s3cr3t/)
  })
}

t.test('a log that cannot be opened is not done without: the gateway does not start, and says what to do', async t => {
  const dataDir = t.testdir({ audit: 'a file' })
  await t.rejects(startGateway(t, new MemoryStore(), { ECTX_DATA_DIR: dataDir }), { code: 'unavailable', message: /make it a directory that this user may write/ })
})
