import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import t from 'tap'
import ts from 'typescript'

/** Each part of src, and the parts that it may import. `main → compose → rest, rpc → kinds → steps → resource → pipeline`. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  main: ['run', 'server'],
  run: ['compose', 'config', 'errors', 'server', 'telemetry'],
  compose: [
    'audit', 'auth', 'clock', 'config', 'engines', 'errors', 'events', 'files', 'kinds', 'resource', 'rest', 'rpc', 'secrets', 'server', 'sinks', 'storage', 'telemetry', 'upkeep'
  ],
  cli: ['audit', 'auth', 'clock', 'config', 'engines', 'errors', 'files', 'kinds', 'secrets', 'sinks', 'storage', 'upkeep'],
  rpc: ['clock', 'errors', 'events', 'gen', 'kinds', 'resource', 'server'],
  rest: ['errors', 'events', 'gen', 'kinds', 'resource', 'server'],
  server: ['auth', 'clock', 'errors', 'files', 'resource'],
  kinds: ['audit', 'auth', 'awaitable', 'clock', 'errors', 'events', 'gen', 'pipeline', 'resource', 'secrets', 'steps', 'storage'],
  upkeep: ['audit', 'auth', 'clock', 'errors', 'events', 'resource', 'secrets', 'storage'],
  steps: ['audit', 'auth', 'awaitable', 'clock', 'errors', 'events', 'gen', 'pipeline', 'resource', 'secrets', 'storage'],
  events: ['clock', 'errors', 'resource', 'storage'],
  resource: ['audit', 'auth', 'awaitable', 'errors', 'gen', 'pipeline', 'secrets', 'storage'],
  pipeline: [],
  engines: ['audit', 'clock', 'config', 'errors', 'files', 'secrets', 'storage'],
  sinks: ['audit', 'auth', 'clock', 'errors', 'events', 'files'],
  storage: ['audit', 'errors', 'secrets'],
  audit: ['clock', 'errors'],
  secrets: ['awaitable', 'clock', 'errors', 'files'],
  auth: ['clock', 'errors', 'files'],
  telemetry: ['clock', 'config', 'errors', 'pipeline'],
  config: ['auth'],
  files: ['clock', 'errors'],
  clock: [],
  errors: [],
  awaitable: [],
  gen: []
}

/** Packages that some parts alone may import. */
const ONLY: ReadonlyArray<[packages: RegExp, parts: readonly string[]]> = [
  [/^fastify$|^@fastify\//, ['server', 'rest', 'rpc']],
  [/^@connectrpc\/|grpc/, ['rpc']],
  [/^helmet$|^node:tls$/, ['server']],
  [/^node:https?$/, ['server', 'sinks']],
  [/^@nats-io\//, ['sinks']],
  [/^ajv$/, ['rest']],
  [/level$/, ['engines']],
  [/^@opentelemetry\//, ['telemetry']]
]

interface Import { readonly file: string, readonly part: string, readonly specifier: string, readonly target: string }

const part = (path: string) => relative('src', path).split(sep)[0]!.replace(/\.[jt]s$/, '')
const filesOf = (folder: string) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts')).map(name => join(folder, name))
const importsOf = (folder: string): Import[] => filesOf(folder).flatMap(file =>
  ts.preProcessFile(readFileSync(file, 'utf8')).importedFiles.map(({ fileName: specifier }) => {
    const target = specifier.startsWith('.') ? relative('.', resolve(dirname(file), specifier)) : specifier
    return { file, part: part(file), specifier, target }
  }))

const imports = importsOf('src')
const isOwn = ({ specifier }: Import) => specifier.startsWith('.')

t.test('imports run one way', async t => {
  t.same([...new Set(filesOf('src').map(part))].filter(name => !(name in MAY_IMPORT)), [], 'every part has its rule')
  const wrong = imports
    .filter(isOwn)
    .filter(({ target }) => target.startsWith(`src${sep}`))
    .filter(({ part: from, target }) => part(target) !== from && !MAY_IMPORT[from]?.includes(part(target)))
  t.same(wrong.map(({ file, specifier }) => `${file}: ${specifier}`), [])
})

t.test('no part imports itself by way of another', async t => {
  const reaches = (from: string, seen = new Set<string>()): Set<string> => {
    for (const to of MAY_IMPORT[from] ?? []) if (!seen.has(to)) reaches(to, seen.add(to))
    return seen
  }
  t.same(Object.keys(MAY_IMPORT).filter(name => reaches(name).has(name)), [])
})

t.test('no file imports itself by way of others', async t => {
  // Types are gone when it runs, but who reads a file reads what it imports.
  const byFile = new Map<string, string[]>()
  for (const { file, target } of imports.filter(isOwn)) byFile.set(file, [...byFile.get(file) ?? [], target.replace(/\.js$/, '.ts')])
  const circles: string[] = []
  const visit = (file: string, path: readonly string[]) => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '))
    else if (!done.has(file)) {
      for (const target of byFile.get(file) ?? []) visit(target, [...path, file])
      done.add(file)
    }
  }
  const done = new Set<string>()
  for (const file of byFile.keys()) visit(file, [])
  t.same(circles, [])
})

t.test('only the clock asks the time', async t => {
  const asks = /\bDate\.now\b|\bnew Date\(\)|\bperformance\b|\bhrtime\b/
  t.same(filesOf('src').filter(file => part(file) !== 'clock' && asks.test(readFileSync(file, 'utf8'))), [])
})

t.test('the pipeline core imports nothing but itself', async t => {
  const wrong = imports.filter(one => one.part === 'pipeline' && !(isOwn(one) && part(one.target) === 'pipeline'))
  t.same(wrong.map(({ file, specifier }) => `${file}: ${specifier}`), [])
})

t.test('the wire schemas are for the transports, the health routes and the events of the audit log and the feed, which are kept as they are told, and know no more of src than the error codes', async t => {
  t.same([...new Set(imports.filter(({ target }) => target.startsWith(`schemas${sep}`)).map(({ part }) => part))].sort(), ['audit', 'resource', 'rest', 'rpc', 'server'])
  const wrong = importsOf('schemas').filter(({ target }) => target.startsWith(`src${sep}`) && target !== join('src', 'errors.js'))
  t.same(wrong.map(({ file, specifier }) => `${file}: ${specifier}`), [])
})

t.test('a package stays in the parts that it is for', async t => {
  const isElsewhere = ({ specifier, file }: Import) =>
    ONLY.some(([packages, parts]) => packages.test(specifier) && !parts.includes(part(file)))
  const wrong = imports.filter(one => !isOwn(one) && isElsewhere(one))
  t.same(wrong.map(({ file, specifier }) => `${file}: ${specifier}`), [])
})

t.test('steps, and what they share, know no kind of resource', async t => {
  const wrong = imports.filter(({ part, target }) => (part === 'steps' || part === 'resource') && /executioncontext/.test(target))
  t.same(wrong.map(({ file, specifier }) => `${file}: ${specifier}`), [])
})

t.test('generated code imports nothing but generated code and its library', async t => {
  const wrong = imports.filter(({ part }) => part === 'gen').filter(one => !isOwn(one) && !one.specifier.startsWith('@bufbuild/'))
  t.same(wrong.map(({ file, specifier }) => `${file}: ${specifier}`), [])
})
