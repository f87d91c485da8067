import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import t from 'tap'
import { MemoryStore } from '../../src/engines/memory/memory-store.js'
import { Hub } from '../../src/events/hub.js'
import { apply } from '../../src/kinds/execution-context/apply.js'
import { create } from '../../src/kinds/execution-context/create.js'
import { deleteByExecution } from '../../src/kinds/execution-context/delete-by-execution.js'
import { deleteContext } from '../../src/kinds/execution-context/delete.js'
import { exportEnv } from '../../src/kinds/execution-context/export-env.js'
import { getBatch } from '../../src/kinds/execution-context/get-batch.js'
import { getByReference } from '../../src/kinds/execution-context/get-by-reference.js'
import { get } from '../../src/kinds/execution-context/get.js'
import { heartbeat } from '../../src/kinds/execution-context/heartbeat.js'
import { list } from '../../src/kinds/execution-context/list.js'
import { rotate } from '../../src/kinds/execution-context/rotate.js'
import { listAuditEvents } from '../../src/kinds/audit-event/list.js'
import { listEvents } from '../../src/kinds/event/list.js'
import { watch } from '../../src/kinds/event/watch.js'
import { testDependencies } from '../support/dependencies.js'

const dependencies = { ...testDependencies(), hub: new Hub(new MemoryStore().feed) }
const pipelines = [
  create, apply, get, getByReference, deleteContext, rotate, heartbeat, list, deleteByExecution, getBatch, exportEnv, listAuditEvents,
  watch, listEvents
].map(pipeline => pipeline(dependencies))

/** What the script prints. */
const print = async (...operations: string[]) =>
  (await promisify(execFile)(process.execPath, ['scripts/pipelines.js', ...operations])).stdout
// Each has a compiler to start, so they start together.
const [everything, one, none] = await Promise.all([print(), print('get'), print('update').catch(error => error)])

t.test('npm run pipelines', async t => {
  const [diagram, ...tables] = everything.split('\n\n').reverse()
  const operations = tables.reverse().map(table => {
    const [name, , ...rows] = table.split('\n')
    return { name, rows: rows.map(row => row.trim().split(/ {2,}/)) }
  })

  t.test('shows every operation with the steps that it runs, in order', async t => {
    const shown = operations.map(({ name, rows }) => ({ name, steps: rows.slice(1).map(([step]) => step) }))
    t.strictSame(shown, pipelines.map(({ name, steps }) => ({ name, steps: steps.map(({ name }) => name) })))
  })

  t.test('shows what each step of create needs and adds, with types', async t => {
    t.strictSame(operations[0]?.rows, [
      ['(call)', 'wantsRunToken: boolean, idempotencyKey?: string | undefined, origin: Origin, input: ExecutionContext, requestedView?: View | undefined, operation: string'],
      ['Authorize', 'origin: Origin, input: unknown, requestedView?: View | undefined, operation: string', 'view: View'],
      ['ValidateProto', 'input: ExecutionContext', '–'],
      [
        'Replay',
        'view: View, origin: Origin, operation: string, idempotencyKey?: string | undefined, input: ExecutionContext, wantsRunToken?: boolean',
        'named: Named | undefined; or ends: answer: Answer<ExecutionContext>'
      ],
      ['CheckExpiry', 'input: ExecutionContext', 'ttlMs: number'],
      ['ResolveSlug', 'input: Resource', 'slug: string'],
      ['CheckDuplicate', 'input: Resource, slug: string', '–'],
      ['BuildNewState', 'input: ExecutionContext, slug: string, origin: Origin, ttlMs: number', 'resource: ExecutionContext'],
      ['IssueRunToken', 'resource: Resource, wantsRunToken: boolean', 'runToken: RunToken | undefined'],
      ['Seal', 'resource: ExecutionContext, view: View, runToken: RunToken | undefined', 'record: StoredRecord, answer: Answer<ExecutionContext>'],
      ['Remember', 'named: Named | undefined, record: StoredRecord', 'remembered: StoredRecord | undefined'],
      [
        'Persist',
        'resource: Resource, record: StoredRecord, answer: Answer<unknown>, origin: Origin, operation: string, remembered?: StoredRecord | undefined',
        '–'
      ]
    ])
  })

  t.test('prints create as the README has it', async t => {
    t.ok(readFileSync('src/pipeline/README.md', 'utf8').includes(everything.split('\n\n')[0]!))
  })

  t.test('draws the same as a Mermaid diagram', async t => {
    t.match(diagram, /^```mermaid\nflowchart LR\n/)
    for (const { name, steps } of pipelines) {
      t.match(diagram, `subgraph ${name}\n`)
      steps.forEach((step, index) => t.match(diagram, `${name}${index + 1}["${step.name}<br/>`))
    }
    t.match(diagram, 'create5 -->|slug| create6')
    t.match(diagram, 'create3 -->|answer| create12', 'a step that may end the run leads to its end')
    t.match(diagram, 'create7["BuildNewState<br/><i>input, slug, origin, ttlMs</i>"]')
  })
})

t.test('npm run pipelines -- operation shows that one, and says which there are where it is none', async t => {
  t.match(one, /^get\n/)
  t.notMatch(one, 'Persist')
  t.equal(none.code, 1)
  for (const { name } of pipelines) t.match(none.stderr, name)
})
