import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { verify } from '../../src/engines/embedded/audit/verify.js'
import { placesIn } from '../../src/config/places.js'

/** What a call comes to that fails: an error, or so many milliseconds. */
export const FAILURES = { EIO: 5, ENOSPC: 28, EMFILE: 24, delay: 0 } as const
export type Failure = keyof typeof FAILURES
const DELAY_MS = 3_000

const CONTEXTS = '/v1/execution-contexts'
const SOURCE = 'test/torture/failing-calls.c'

/** The library that has calls fail, built in `place`; `undefined` where there is no compiler. */
export function buildLibrary (place: string): string | undefined {
  const library = join(place, 'failing-calls.so')
  const { status } = spawnSync('cc', ['-shared', '-fPIC', '-o', library, SOURCE, '-ldl', '-lpthread'])
  return status === 0 ? library : undefined
}

interface Fault {
  readonly library: string
  /** Where the files are of which calls fail. */
  readonly dataDir: string
  /** The number of the call; none fails where it is absent. */
  readonly at?: number
  readonly failure?: Failure
}

/** How many calls there are that can fail while a gateway starts, works and stops. */
export async function countCalls (library: string, place: string): Promise<number> {
  const dataDir = mkdtempSync(join(place, 'counted-'))
  const counted = `${dataDir}.count`
  const gateway = start({ library, dataDir }, { FAIL_COUNT: counted })
  await work(gateway)
  await gateway.stop()
  rmSync(dataDir, { recursive: true })
  return statSync(counted).size
}

/** Fails one call while a gateway works, starts it again, and answers what was told and is not so. */
export async function failOnce (fault: Fault): Promise<string[]> {
  const faulty = start(fault)
  const told = await work(faulty)
  await faulty.stop()
  // It has time: only a failed call should cost an answer.
  const gateway = start({ ...fault, at: undefined }, { ECTX_OPERATION_TIMEOUT: '60s' })
  const wrong = await judge(gateway, told)
  await gateway.stop()
  const { problems } = await verify(placesIn(fault.dataDir).audit)
  return [...wrong, ...problems.map(({ where, line, problem }) => `${where}:${line} ${problem}`)]
}

type Gateway = ReturnType<typeof start>

function start ({ library, dataDir, at, failure = 'EIO' }: Fault, env: Record<string, string> = {}) {
  const failing = at === undefined ? {} : { FAIL_AT: String(at), FAIL_WITH: String(FAILURES[failure]), FAIL_FOR: String(DELAY_MS) }
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, 'dist/src/main.js'], {
    env: {
      PATH: process.env.PATH, LD_PRELOAD: library, FAIL_IN: dataDir, ECTX_DATA_DIR: dataDir, ECTX_PORT: '0', ECTX_OPERATION_TIMEOUT: '2s', ...failing, ...env
    },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const exited = once(child, 'close')
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', text => { stderr += text })
  const address = new Promise<string | undefined>(resolve => {
    createInterface(child.stdout).on('line', line => {
      const { msg, address } = JSON.parse(line)
      if (msg === 'ready') resolve(address)
    })
    exited.then(() => resolve(undefined), () => {})
  })
  const stop = async () => {
    child.kill('SIGTERM')
    await exited
  }
  const ask = async (method: string, path: string, body?: object, headers: Record<string, string> = {}) => {
    try {
      const response = await fetch(`${await address}${path}`, {
        method, headers: { ...headers, ...body && { 'content-type': 'application/json' } }, body: body && JSON.stringify(body)
      })
      return { status: response.status, text: await response.text() }
    } catch {
      // The connection was lost, or nothing listens: as where no answer comes in time.
      return { status: 504, text: '' }
    }
  }
  return { address, stop, ask, stderr: () => stderr }
}

/** What was told of a context, which must be so ever after: `undefined` where it was said that this is not known. */
interface Told {
  readonly slug: string
  id?: string
  isThere?: boolean | undefined
  reveals: number
}

const readPath = ({ slug }: Told) => `${CONTEXTS}/by-reference?slug=${slug}`

async function work ({ ask }: Gateway): Promise<Told[]> {
  const all: Told[] = []
  /** Reads it, behind a change that was to have it there, or not. One whose outcome is not known may be done later, too. */
  const look = async (told: Told, willBeThere: boolean) => {
    const { status, text } = await ask('GET', readPath(told))
    if (status === 200) told.reveals++
    const isThere = status === 200 ? true : status === 404 ? false : undefined
    if (isThere !== undefined && (told.isThere !== undefined || isThere === willBeThere)) told.isThere = isThere
    if (status === 200) told.id = JSON.parse(text).metadata.id
  }
  for (const [index, lease] of [undefined, '600s', undefined, '600s'].entries()) {
    const told: Told = { slug: `c-${index}`, reveals: 0 }
    all.push(told)
    const spec = { execution_id: 'wfx', data: { TOKEN: { value: 's3cr3t', is_secret: true } }, ...lease && { lease } }
    const created = await ask('POST', CONTEXTS, { metadata: { name: told.slug }, spec }, { 'idempotency-key': told.slug })
    if (created.status === 201) Object.assign(told, { isThere: true, id: JSON.parse(created.text).metadata.id })
    else if (created.status !== 504) told.isThere = false
    await look(told, true)
    if (told.id === undefined) continue
    if (lease !== undefined) await ask('POST', `${CONTEXTS}/${told.id}/heartbeat`)
    if (index % 2 === 0) continue
    const { status, text } = await ask('DELETE', `${CONTEXTS}/${told.id}${index === 1 ? '?shred=true' : ''}`)
    if (status === 200 || status === 404 || /was deleted/.test(text)) told.isThere = false
    else if (status === 504) told.isThere = undefined
    await look(told, false)
  }
  return all
}

async function judge ({ ask, address, stderr }: Gateway, all: readonly Told[]): Promise<string[]> {
  if (await address === undefined) return [`it does not start again: ${stderr()}`]
  const wrong: string[] = []
  const log = await ask('GET', '/v1/audit-events?page_size=1000')
  if (log.status !== 200) return [`the log cannot be read: ${log.status} ${log.text}`]
  const events: Array<{ event: string, slug?: string, context_id?: string }> = JSON.parse(log.text).events
  for (const told of all) {
    const { status, text } = await ask('GET', readPath(told))
    const isThere = status === 404 ? false : status === 200
    if (status !== 404 && status !== 200 && told.isThere !== undefined && !/shredded/.test(text)) wrong.push(`${told.slug}: ${status} ${text}`)
    else if (told.isThere !== undefined && told.isThere !== isThere && !/shredded/.test(text)) {
      wrong.push(`${told.slug}: was told to be ${told.isThere ? '' : 'not '}there, and is ${isThere ? '' : 'not '}there`)
    }
    const count = (name: string) => events.filter(({ event, slug }) => event === name && slug === told.slug).length
    const [created, deleted] = [count('created'), count('deleted')]
    if (created - deleted !== Number(status !== 404)) wrong.push(`${told.slug}: the log has created ${created} times and deleted ${deleted} times, the answer is ${status}`)
    if (count('revealed') < told.reveals) wrong.push(`${told.slug}: was revealed ${told.reveals} times, of which the log has ${count('revealed')}`)
  }
  return wrong
}
