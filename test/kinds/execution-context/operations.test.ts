import { create, fromJsonString, type MessageInitShape } from '@bufbuild/protobuf'
import t from 'tap'
import { ANONYMOUS, SYSTEM, type Caller } from '../../../src/auth/caller.js'
import { GatewayError } from '../../../src/errors.js'
import { executionContextOperations } from '../../../src/kinds/execution-context/operations.js'
import type { Answer, Reading } from '../../../src/resource/answer.js'
import { ExecutionContextSchema, type ExecutionContext } from '../../../src/gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { ExecutionContextIdSchema } from '../../../src/gen/ai/stigmer/agentic/executioncontext/v1/io_pb.js'
import { ApiResourceKind } from '../../../src/gen/ai/stigmer/commons/apiresource/apiresourcekind/api_resource_kind_pb.js'
import { ApiResourceDeleteInputSchema, ApiResourceReferenceSchema } from '../../../src/gen/ai/stigmer/commons/apiresource/io_pb.js'
import { ApiResourceOwnerScope } from '../../../src/gen/ai/stigmer/commons/apiresource/metadata_pb.js'
import { PipelineFailure } from '../../../src/pipeline/pipeline.js'
import { MemoryStore } from '../../../src/engines/memory/memory-store.js'
import type { Store } from '../../../src/storage/store.js'
import { testDependencies } from '../../support/dependencies.js'
import { newRecord } from '../../support/records.js'
import { failingStore } from '../../support/failing-store.js'

// Every operation as any transport would call it: nothing here knows HTTP.

const operationsOn = (store: Store) => executionContextOperations(testDependencies(store), { begin: () => undefined })
const call = <Input>(input: Input, caller: Caller = SYSTEM) => ({ origin: { caller, requestId: 'request-1' }, input, wantsRunToken: false })

// A number that no enum has, as an older or newer client might send.
const UNDEFINED: never = 9 as never

type Init = Exclude<MessageInitShape<typeof ExecutionContextSchema>, ExecutionContext>
const context = (changes: Init = {}) => create(ExecutionContextSchema, {
  apiVersion: 'agentic.stigmer.ai/v1',
  kind: 'ExecutionContext',
  metadata: { name: 'My Run' },
  spec: { executionId: 'wfx-1', data: { TOKEN: { value: 's3cr3t', isSecret: true } } },
  ...changes
})
const byId = (value: string) => create(ExecutionContextIdSchema, { value })
interface Reference { org?: string, kind?: ApiResourceKind, version?: string, scope?: ApiResourceOwnerScope }
const reference = (slug: string, more: Reference = {}) => create(ApiResourceReferenceSchema, { slug, ...more })
const deletion = (resourceId: string, more: { caller?: Caller, onlyRevisions?: number[], shreds?: boolean } = {}) => ({
  ...call(create(ApiResourceDeleteInputSchema, { resourceId }), more.caller),
  onlyRevisions: more.onlyRevisions,
  shreds: more.shreds ?? false
})

const read = (answer: Answer<ExecutionContext>) => answer.message()

/** Why `running` failed, and at which step. */
async function failure (running: Promise<Reading<ExecutionContext>>): Promise<{ error: GatewayError, step: string }> {
  const thrown = await running.then(() => undefined, error => error)
  if (!(thrown instanceof PipelineFailure)) throw new Error('it did not fail, or with something else', { cause: thrown })
  return { error: GatewayError.from(thrown), step: thrown.step }
}

for (const operation of ['create', 'apply'] as const) {
  t.test(operation, async t => {
    t.test('stores the context and answers it, with id, slug and audit block', async t => {
      const operations = operationsOn(new MemoryStore())
      const view = await operations[operation](call(context()))
      const { metadata, spec, status } = read(view)
      t.match(metadata?.id, /^exec-[0-9a-z]{26}$/)
      t.equal(metadata?.id, view.id)
      t.equal(metadata?.slug, 'my-run')
      t.equal(view.revision, 1)
      t.same(spec, context().spec)
      const audit = status?.audit
      t.equal(audit?.specAudit?.createdBy?.id, 'system')
      t.equal(audit?.specAudit?.event, 'created')
      t.same(audit?.specAudit?.updatedBy, audit?.specAudit?.createdBy)
      t.same(audit?.specAudit?.updatedAt, audit?.specAudit?.createdAt)
      t.same(audit?.statusAudit, audit?.specAudit)
      t.same(await operations.get(call(byId(view.id))), view)
    })

    t.test('ignores a status that is sent', async t => {
      const operations = operationsOn(new MemoryStore())
      const sent = context({ status: { audit: { specAudit: { event: 'forged', createdBy: { id: 'mallory' } } } } })
      const { status } = read(await operations[operation](call(sent)))
      t.equal(status?.audit?.specAudit?.event, 'created')
      t.equal(status?.audit?.specAudit?.createdBy?.id, 'system')
    })

    t.test('refuses what is not valid, and stores nothing', async t => {
      const refused: Array<[changes: Init, pointers: string[], step?: string]> = [
        [{ metadata: { name: 'My Run', ownerScope: ApiResourceOwnerScope.platform } }, ['/metadata/owner_scope']],
        [{ metadata: { name: 'My Run', ownerScope: UNDEFINED } }, ['/metadata/owner_scope', '/metadata/owner_scope']],
        [{ metadata: { name: 'My Run', id: 'exec-x', version: {} } }, ['/metadata/id', '/metadata/version']],
        [{ metadata: undefined, spec: undefined }, ['/metadata', '/spec']],
        [{ metadata: {} }, ['/metadata']],
        [{ metadata: { slug: 'Not Valid' } }, ['/metadata/slug']],
        [{ metadata: { name: '!!!' } }, ['/metadata/name'], 'ResolveSlug'],
        [{ kind: 'Agent', apiVersion: '' }, ['/api_version', '/kind']],
        [{ spec: { executionId: '', data: { 9: { value: '' } } } }, ['/spec/data/9', '/spec/data/9/value', '/spec/execution_id']]
      ]
      for (const [changes, pointers, at = 'ValidateProto'] of refused) {
        const operations = operationsOn(new MemoryStore())
        const { error, step } = await failure(operations[operation](call(context(changes))))
        t.equal(error.code, 'invalid_argument')
        t.same(error.violations.map(({ pointer }) => pointer).sort(), pointers)
        t.equal(step, at)
        t.equal((await failure(operations.getByReference(call(reference('my-run'))))).error.code, 'not_found')
      }
    })

    t.test('refuses a slug that is taken, and changes nothing', async t => {
      const operations = operationsOn(new MemoryStore())
      const existing = await operations.create(call(context()))
      const { error, step } = await failure(operations[operation](call(context({ spec: { executionId: 'another' } }))))
      t.equal(error.code, 'already_exists')
      t.equal(error.existingId, existing.id)
      t.equal(step, operation === 'create' ? 'CheckDuplicate' : 'RefuseExisting')
      t.same(await operations.getByReference(call(reference('my-run'))), existing)
    })

    t.test('of many at once succeeds once, even where all saw the slug free', async t => {
      const store = new MemoryStore()
      const operations = operationsOn(new Proxy(store, {
        // As if each had looked before any had written.
        get: (_, method) => method === 'findBySlug' ? async () => undefined : Reflect.get(store, method).bind(store)
      }))
      const settled = await Promise.allSettled(Array.from({ length: 50 }, () => operations[operation](call(context()))))
      const [winner, ...more] = settled.filter(result => result.status === 'fulfilled')
      t.same(more, [])
      const refused = settled.filter(result => result.status === 'rejected').map(({ reason }) => GatewayError.from(reason))
      t.equal(refused.length, 49)
      t.ok(refused.every(({ code, existingId }) => code === 'already_exists' && existingId === winner?.value.id))
    })

    t.test('stores nothing once its signal is aborted', async t => {
      const store = new MemoryStore()
      const { error } = await failure(operationsOn(store)[operation](call(context()), AbortSignal.abort()))
      t.equal(error.code, 'aborted')

      // The client goes away while the step before is at work.
      const gone = new AbortController()
      const findBySlug = async () => { gone.abort(); return undefined }
      const late = new Proxy(store, { get: (_, method) => method === 'findBySlug' ? findBySlug : Reflect.get(store, method).bind(store) })
      t.equal((await failure(operationsOn(late)[operation](call(context()), gone.signal))).error.code, 'aborted')
      t.equal(await store.findBySlug('execution_context', '', 'my-run'), undefined)
    })
  })
}

t.test('get', async t => {
  const store = new MemoryStore()
  const operations = operationsOn(store)
  const view = await operations.create(call(context()))

  t.test('answers the context', async t => {
    t.same(await operations.get(call(byId(view.id))), view)
  })

  t.test('answers it as JSON, and as a message for who asks, in the view that was asked for', async t => {
    for (const [requestedView, value] of [['full', 's3cr3t'], ['redacted', '']] as const) {
      const answer = await operations.get({ ...call(byId(view.id)), requestedView })
      if (!('json' in answer)) throw new Error('nothing is shown')
      t.strictSame(answer.message(), fromJsonString(ExecutionContextSchema, answer.json))
      t.equal(answer.message().spec?.data.TOKEN?.value, value)
      t.same(answer.revealed, value === '' ? undefined : ['TOKEN'])
    }
    const { message } = await operations.create({ ...call(context({ metadata: { name: 'With a token' } })), wantsRunToken: true })
    t.match(message().status?.runToken, /^ectx_run_exec-/)
  })

  t.test('tells who has it already no more than that, and who asks for its size that: nothing is revealed', async t => {
    const { id, revision, json } = view
    const dependencies = testDependencies(store)
    const watched = executionContextOperations(dependencies, { begin: () => undefined })
    const shown = { id, revision, view: 'full' } as const
    const reading = (more: object) => watched.get({ ...call(byId(id)), ...more })
    const read = { event: 'read', operation: 'get', keys: undefined }
    const revealed = { event: 'revealed', operation: 'get', keys: ['TOKEN'] }
    const others = [{ ...shown, id: 'exec-x' }, { ...shown, revision: 2 }, { ...shown, view: 'redacted' as const }]
    for (const [more, expected, event] of [
      [{ held: 'any' }, shown, read],
      [{ held: [...others, shown] }, shown, read],
      [{ held: 'any', sizeOnly: true }, shown, read],
      [{ sizeOnly: true }, { ...shown, bytes: Buffer.byteLength(json) }, read],
      [{ held: others, sizeOnly: true }, { ...shown, bytes: Buffer.byteLength(json) }, read],
      [{ held: others }, view, revealed],
      [{ held: [], sizeOnly: false }, view, revealed]
    ] as Array<[object, object, object]>) {
      dependencies.events.length = 0
      t.same(await reading(more), expected)
      t.match(dependencies.events, [event])
      t.equal(dependencies.events.length, 1)
    }
  })

  t.test('refuses an empty id, and one that nobody has', async t => {
    const { error } = await failure(operations.get(call(byId(''))))
    t.equal(error.code, 'invalid_argument')
    t.same(error.violations.map(({ pointer }) => pointer), ['/value'])
    t.match((await failure(operations.get(call(byId('exec-x'))))).error, { code: 'not_found', message: "no ExecutionContext with id 'exec-x'" })
  })
})

t.test('getByReference', async t => {
  const operations = operationsOn(new MemoryStore())
  const view = await operations.create(call(context({ metadata: { name: 'My Run', org: 'acme' } })))
  const lookUp = (slug: string, more?: Reference) => operations.getByReference(call(reference(slug, more)))

  t.test('answers the context, whatever else the reference says that is right', async t => {
    for (const more of [{}, { org: 'acme' }, { kind: ApiResourceKind.execution_context }, { version: 'latest' }, { scope: ApiResourceOwnerScope.platform }]) {
      t.same(await lookUp('my-run', more), view)
    }
  })

  t.test('does not find another slug, nor another org', async t => {
    t.match((await failure(lookUp('other'))).error, { code: 'not_found', message: "no ExecutionContext with slug 'other'" })
    t.equal((await failure(lookUp('my-run', { org: 'other' }))).error.code, 'not_found')
  })

  t.test('refuses another kind, and what is not valid', async t => {
    const { error } = await failure(lookUp('my-run', { kind: ApiResourceKind.agent }))
    t.equal(error.code, 'invalid_argument')
    t.match(error.violations, [{ pointer: '/kind', detail: /kind mismatch/ }])
    const refused: Array<[pointer: string, slug: string, more?: Reference]> = [
      ['/slug', ''], ['/slug', 'My Run'], ['/kind', 'x', { kind: UNDEFINED }], ['/scope', 'x', { scope: UNDEFINED }], ['/version', 'x', { version: 'a b' }]
    ]
    for (const [pointer, slug, more] of refused) {
      const { error } = await failure(lookUp(slug, more))
      t.equal(error.code, 'invalid_argument')
      t.same(error.violations.map(({ pointer }) => pointer), [pointer])
    }
  })
})

t.test('delete', async t => {
  t.test('answers the context as it was, and then it is gone', async t => {
    const operations = operationsOn(new MemoryStore())
    const view = await operations.create(call(context()))
    t.same(await operations.delete(deletion(view.id)), view)
    t.equal((await failure(operations.get(call(byId(view.id))))).error.code, 'not_found')
    t.equal((await failure(operations.getByReference(call(reference('my-run'))))).error.code, 'not_found')
    t.equal((await failure(operations.delete(deletion(view.id)))).error.code, 'not_found')
  })

  t.test('of many at once succeeds once, even where all saw the context there', async t => {
    const store = new MemoryStore()
    const operations = operationsOn(store)
    const { id } = await operations.create(call(context()))
    const settled = await Promise.allSettled(Array.from({ length: 50 }, () => operations.delete(deletion(id))))
    const refused = settled.filter(result => result.status === 'rejected').map(({ reason }) => GatewayError.from(reason).code)
    t.same(refused, Array(49).fill('not_found'))
  })

  t.test('deletes none but the given revisions', async t => {
    const operations = operationsOn(new MemoryStore())
    const { id } = await operations.create(call(context()))
    for (const onlyRevisions of [[], [2, 3]]) {
      t.equal((await failure(operations.delete(deletion(id, { onlyRevisions })))).error.code, 'failed_precondition')
    }
    t.equal((await operations.delete(deletion(id, { onlyRevisions: [3, 1] }))).id, id)
  })

  t.test('refuses an empty id', async t => {
    const { error } = await failure(operationsOn(new MemoryStore()).delete(deletion('')))
    t.same(error.violations.map(({ pointer }) => pointer), ['/resource_id'])
  })

  t.test('deletes nothing once its signal is aborted', async t => {
    const operations = operationsOn(new MemoryStore())
    const view = await operations.create(call(context()))
    t.equal((await failure(operations.delete(deletion(view.id), AbortSignal.abort()))).error.code, 'aborted')
    t.same(await operations.get(call(byId(view.id))), view)
  })
})

const every = (operations: ReturnType<typeof operationsOn>, caller = SYSTEM) => ({
  create: operations.create(call(context(), caller)),
  apply: operations.apply(call(context(), caller)),
  get: operations.get(call(byId('exec-x'), caller)),
  getByReference: operations.getByReference(call(reference('my-run'), caller)),
  delete: operations.delete(deletion('exec-x', { caller }))
})

t.test('every operation refuses a caller it does not know, before anything else', async t => {
  const sentences = { create: 'create', apply: 'apply', get: 'get', getByReference: 'get', delete: 'delete' }
  for (const [name, running] of Object.entries(every(operationsOn(failingStore(new Error('asked'))), ANONYMOUS))) {
    const { error, step } = await failure(running)
    t.equal(step, 'Authorize')
    t.equal(error.code, 'unauthenticated')
    const why = ['create', 'apply'].includes(name) ? 'operator-only action' : 'credentials are needed'
    t.equal(error.message, `unauthorized to ${sentences[name as keyof typeof sentences]} Execution Context (${why})`)
  }
})

t.test('every operation says of a failing store what it is, never that there is nothing', async t => {
  const unavailable = new GatewayError('unavailable', 'the store cannot work now')
  for (const [thrown, code] of [[unavailable, 'unavailable'], [new Error('EIO'), 'internal'], [new TypeError('bug'), 'internal']] as const) {
    for (const running of Object.values(every(operationsOn(failingStore(thrown))))) {
      const { error } = await failure(running)
      t.equal(error.code, code)
      t.notMatch(error.message, /EIO|bug/)
    }
  }
})

t.test('a record whose body is damaged is internal, and names its id', async t => {
  const store = new MemoryStore()
  await store.insert(newRecord('exec-x', { slug: 'my-run', body: Uint8Array.of(255) }))
  const operations = operationsOn(store)
  for (const running of [operations.get(call(byId('exec-x'))), operations.getByReference(call(reference('my-run')))]) {
    const error = GatewayError.from(await running.then(() => undefined, error => error))
    t.equal(error.code, 'internal')
    t.match(error.message, "'exec-x'")
  }
})
