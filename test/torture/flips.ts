import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { GatewayError } from '../../src/errors.js'
import { filesOf, makeDataset, type Dataset } from './dataset.js'
import { open, type Opened } from './opened.js'

export interface Flips {
  readonly runs: number
  /** Where it may work: a directory. */
  readonly place: string
  /** From 0 to 1. */
  readonly random: () => number
  readonly onRun?: () => void
}

/** How often what followed on a flip, by the kind of file. */
export interface Flipped {
  readonly file: string
  runs: number
  /** Nothing was to be seen of it. */
  harmless: number
  /** Some answers were errors. */
  errors: number
  /** The start was refused. */
  refused: number
}

/**
 * Turns one bit in one file of a stopped gateway, starts it, and reads all there is: so often. Answers what it came to, and each answer
 * that was wrong and not an error.
 */
export async function flipBits ({ runs, place, random, onRun = () => {} }: Flips): Promise<{ table: Flipped[], wrong: string[] }> {
  const dataset = await makeDataset(join(place, 'dataset'))
  const table = new Map<string, Flipped>()
  const wrong: string[] = []
  const names = filesOf(dataset.dataDir).flatMap(where => filesUnder(dataset.dataDir, relative(dataset.dataDir, where)))
  for (let run = 0; run < runs; run++) {
    const dataDir = mkdtempSync(join(place, 'flipped-'))
    cpSync(dataset.dataDir, dataDir, { recursive: true })
    // Each kind of file as often as every other, whatever its size.
    const kinds = [...new Set(names.map(kindOf))]
    const kind = kinds[run % kinds.length]!
    const candidates = names.filter(name => kindOf(name) === kind)
    const name = candidates[Math.floor(random() * candidates.length)]!
    const bytes = readFileSync(join(dataDir, name))
    const bit = Math.floor(random() * bytes.length * 8)
    bytes[bit >> 3]! ^= 1 << (bit & 7)
    writeFileSync(join(dataDir, name), bytes)
    const row = table.get(kind) ?? { file: kind, runs: 0, harmless: 0, errors: 0, refused: 0 }
    table.set(kind, row)
    row.runs++
    const found = await readAll(dataDir, dataset)
    row[found.outcome]++
    wrong.push(...found.wrong.map(what => `${name}, bit ${bit}: ${what}`))
    rmSync(dataDir, { recursive: true })
    onRun()
  }
  return { table: [...table.values()], wrong }
}

const kindOf = (name: string) => name.replace(/[\d-]{3,}/g, '…')

function filesUnder (dataDir: string, where: string): string[] {
  if (statSync(join(dataDir, where)).isFile()) return [where]
  return readdirSync(join(dataDir, where), { recursive: true, encoding: 'utf8' })
    .map(name => join(where, name))
    .filter(name => {
      const found = statSync(join(dataDir, name))
      return found.isFile() && found.size > 0 && !/(^|\/)(LOG|LOG\.old|LOCK)$/.test(name)
    })
}

async function readAll (dataDir: string, dataset: Dataset): Promise<{ outcome: 'harmless' | 'errors' | 'refused', wrong: string[] }> {
  let gateway: Opened
  try {
    gateway = await open(dataDir)
  } catch (error) {
    return { outcome: 'refused', wrong: error instanceof GatewayError ? [] : [`the start failed with ${String(error)}`] }
  }
  try {
    const { wrong, errors } = await compare(gateway, dataset)
    const isTold = gateway.lines.some(({ level }) => level === 'error' || level === 'warn')
    return { outcome: errors > 0 || isTold ? 'errors' : 'harmless', wrong }
  } finally {
    await gateway.close()
  }
}

async function compare ({ ask }: Opened, { there, gone, events }: Dataset): Promise<{ wrong: string[], errors: number }> {
  const wrong: string[] = []
  let errors = 0
  const isError = (status: number) => {
    if (status >= 500) errors++
    return status >= 500
  }
  for (const [id, expected] of there) {
    const byId = await ask('GET', `/v1/execution-contexts/${id}`)
    if (!isError(byId.statusCode) && byId.payload !== expected) wrong.push(`${id}: ${byId.statusCode} ${byId.payload.slice(0, 200)}`)
    const { slug } = JSON.parse(expected).metadata
    const bySlug = await ask('GET', `/v1/execution-contexts/by-reference?slug=${slug}`)
    if (!isError(bySlug.statusCode) && bySlug.payload !== expected) wrong.push(`${slug}: ${bySlug.statusCode}`)
  }
  for (const id of gone) {
    const { statusCode } = await ask('GET', `/v1/execution-contexts/${id}`)
    if (!isError(statusCode) && statusCode !== 404) wrong.push(`${id}: is back`)
  }
  const seen = new Set<string>()
  const list = await ask('GET', '/v1/execution-contexts?page_size=1000')
  if (!isError(list.statusCode)) {
    for (const { metadata: { id } } of list.json().execution_contexts) seen.add(id)
    for (const id of list.json().damaged ?? []) seen.add(id)
    for (const id of there.keys()) if (!seen.has(id)) wrong.push(`${id}: the list has it not`)
    for (const id of gone) if (seen.has(id) && !(list.json().damaged ?? []).includes(id)) wrong.push(`${id}: the list has it again`)
  }
  const log = await ask('GET', '/v1/audit-events?page_size=1000')
  if (!isError(log.statusCode) && log.json().verified !== false) {
    const told = new Map<number, string>()
    for (const { sequence, ...event } of log.json().events) told.set(sequence, JSON.stringify(event))
    for (const [sequence, event] of events) if (told.get(sequence) !== event) wrong.push(`the log tells something else of ${sequence}`)
  }
  return { wrong, errors }
}
