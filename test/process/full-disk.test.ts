import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { byReference, CONTEXTS, createClient } from '../support/http.js'
import { assertLogTellsOfStore } from '../support/log-of-store.js'
import { spawnGateway, startProcess } from '../support/process.js'
import { until } from '../support/until.js'

// A file that may not grow stands for a full disk: Node ignores SIGXFSZ, so such a write fails with EFBIG. Only the
// soft limit is set, which anybody may lift again.
const full = ['sh', '-c', 'ulimit -S -f 1000 && exec "$0" "$@"']
const lift = (pid: number) => spawnSync('prlimit', ['--pid', String(pid), '--fsize=unlimited:'])

type Client = ReturnType<typeof createClient>

const newContext = (slug: string) => ({ metadata: { slug }, spec: { execution_id: 'wfx', data: { VALUE: { value: slug.repeat(1500) } } } })

/** Creates contexts from many writers until each has been refused; the answers by slug. */
async function writeUntilFull (t: Test, client: Client) {
  const acknowledged = new Map<string, string>()
  const refused: string[] = []
  await Promise.all(Array.from({ length: 16 }, async (_, writer) => {
    for (let turn = 0; ; turn++) {
      const slug = `w${writer}-${turn}`
      const { status, text } = await client.post(CONTEXTS, newContext(slug))
      if (status !== 201) {
        // What the disk failed at may be there or not, until it can be written again; what came behind that is not.
        t.ok([503, 504].includes(status), `refused with ${status}`)
        t.match(JSON.parse(text).code, /unavailable|deadline_exceeded/)
        refused.push(slug)
        return
      }
      acknowledged.set(slug, text)
    }
  }))
  t.ok(acknowledged.size > 0)
  return { acknowledged, refused }
}

/** All that was acknowledged is there, by slug and by id, as it was answered. */
async function assertThere (t: Test, client: Client, acknowledged: Map<string, string>) {
  const read = await Promise.all([...acknowledged].map(async ([slug, text]) => {
    const answers = await Promise.all([byReference(slug), `${CONTEXTS}/${JSON.parse(text).metadata.id}`].map(client.get))
    return answers.every(answer => answer.text === text)
  }))
  t.same(new Set(read), new Set([true]))
}

/** What was refused is absent or whole; as long as that cannot be known it is said so, where that `mayBe`. */
async function assertNotHalf (t: Test, client: Client, refused: string[], mayBe = false) {
  for (const slug of refused) {
    const bySlug = await client.get(byReference(slug))
    if (bySlug.status === 404 || (mayBe && bySlug.status === 503)) continue
    t.equal(bySlug.status, 200)
    const { metadata, spec } = JSON.parse(bySlug.text)
    t.equal(spec.data.VALUE.value, newContext(slug).spec.data.VALUE.value)
    t.equal((await client.get(`${CONTEXTS}/${metadata.id}`)).text, bySlug.text)
  }
}

t.test('a full disk refuses changes, reads go on, and with room again changes do too', async t => {
  const gateway = await startProcess(t, { under: full })
  const client = createClient(t, gateway.address)
  const { acknowledged, refused } = await writeUntilFull(t, client)

  t.equal((await client.post(CONTEXTS, newContext('still-full'))).status, 503)
  t.equal((await client.get('/readyz')).status, 503)
  t.equal((await client.get('/healthz')).status, 200)
  await assertThere(t, client, acknowledged)
  await assertNotHalf(t, client, refused, true)

  if (lift(gateway.pid).status === 0) {
    // Whoever reads meanwhile does not notice that the store recovers.
    const recovered = new AbortController()
    const [some] = acknowledged.keys()
    const read = Promise.all(Array.from({ length: 16 }, async () => {
      while (!recovered.signal.aborted) if ((await client.get(byReference(some!))).status !== 200) return false
      return true
    }))
    await until(async () => (await client.get('/readyz')).status === 200)
    for (const slug of ['room-1', 'room-2']) {
      const { status, text } = await client.post(CONTEXTS, newContext(slug))
      t.equal(status, 201)
      acknowledged.set(slug, text)
    }
    recovered.abort()
    t.notOk((await read).includes(false))
    t.equal((await client.get('/readyz')).status, 200)
    await assertThere(t, client, acknowledged)
    await assertNotHalf(t, client, refused)
  } else {
    t.comment('there is no prlimit here, so the limit was not lifted')
  }

  t.equal((await gateway.stop()).code, 0)
  const next = await startProcess(t, { env: { ECTX_DATA_DIR: gateway.dataDir } })
  const nextClient = createClient(t, next.address)
  await assertThere(t, nextClient, acknowledged)
  await assertNotHalf(t, nextClient, [...refused, 'still-full'])
  t.equal((await nextClient.post(CONTEXTS, newContext('after'))).status, 201)
  await next.stop()
  await assertLogTellsOfStore(t, gateway.dataDir)
})

t.test('kill -9 on a full disk: what was acknowledged is there, and nothing is there by half', async t => {
  const gateway = await startProcess(t, { under: full })
  const { acknowledged, refused } = await writeUntilFull(t, createClient(t, gateway.address))
  await gateway.kill()
  const next = await startProcess(t, { env: { ECTX_DATA_DIR: gateway.dataDir } })
  const client = createClient(t, next.address)
  await assertThere(t, client, acknowledged)
  await assertNotHalf(t, client, refused)
  await next.stop()
  await assertLogTellsOfStore(t, gateway.dataDir)
})

t.test('on a full disk the gateway does not start, and says why', async t => {
  const { code, stderr } = await spawnGateway(t, { under: ['sh', '-c', 'ulimit -S -f 0 && exec "$0" "$@"'] }).exited
  t.equal(code, 1)
  t.match(stderr, /cannot open the data directory .*: its disk is full/)
})

const isRoot = process.getuid?.() === 0

t.test('on a disk that is full to the last byte deletes go on, and so does a start', { skip: !isRoot && 'only root can mount a small disk' }, async t => {
  const disk = mkdtempSync(join(tmpdir(), 'ectx-disk-'))
  t.teardown(() => {
    spawnSync('umount', ['-l', disk])
    rmSync(disk, { recursive: true })
  })
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=120m', 'none', disk]).status !== 0) return t.comment('nothing can be mounted here')
  const dataDir = join(disk, 'data')
  const reserve = join(dataDir, 'reserve')
  const start = async () => {
    const gateway = await startProcess(t, { env: { ECTX_DATA_DIR: dataDir } })
    return { ...gateway, client: createClient(t, gateway.address) }
  }
  const first = await start()
  await until(() => existsSync(reserve) && statSync(reserve).size === 24 * 1024 * 1024)
  const { bavail, bsize } = statfsSync(disk)
  writeFileSync(join(disk, 'ballast'), Buffer.alloc(bavail * bsize - 6 * 1024 * 1024))
  const { acknowledged } = await writeUntilFull(t, first.client)
  await assertThere(t, first.client, acknowledged)

  const ids = [...acknowledged.values()].map(text => JSON.parse(text).metadata.id as string)
  const isRefused = async ({ client }: typeof first) => {
    const { status, text } = await client.post(CONTEXTS, newContext('too-much'))
    t.match([status, text], [503, /the disk is full: what is there can be read and deleted/])
    t.match(await client.get('/readyz'), { status: 503, text: /the disk is full/ })
  }
  const remove = async ({ client }: typeof first, id: string) => (await client.send('DELETE', `${CONTEXTS}/${id}`)).status
  t.equal(await remove(first, ids.pop()!), 200)
  await isRefused(first)
  t.equal(await remove(first, ids.pop()!), 200)
  t.ok(first.lines.some(({ level, msg }) => level === 'warn' && /24 MiB kept for that are given up/.test(String(msg))))
  t.equal((await first.stop()).code, 0)

  const second = await start()
  await isRefused(second)
  t.equal((await second.client.get(`${CONTEXTS}/${ids[0]}`)).status, 200)
  t.equal(await remove(second, ids.pop()!), 200)
  rmSync(join(disk, 'ballast'))
  await until(async () => (await second.client.get('/readyz')).status === 200)
  t.equal((await second.client.post(CONTEXTS, newContext('room'))).status, 201)
  t.equal(statSync(reserve).size, 24 * 1024 * 1024)
  t.equal((await second.stop()).code, 0)
})
