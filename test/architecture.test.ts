import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import t from 'tap'
import ts from 'typescript'

/** Each part of src, and the parts that it may import. `main → compose → http → kinds → steps → resource → pipeline`. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  main: ['ending', 'open-files', 'run'],
  run: ['compose', 'config', 'ending', 'errors', 'log', 'variables'],
  compose: ['audit', 'auth', 'config', 'engines', 'errors', 'http', 'keeping', 'kinds', 'observer', 'open-files', 'secrets', 'storage'],
  commands: ['auth', 'engines', 'errors', 'file-problem', 'places', 'secrets', 'variables'],
  keeping: ['audit', 'auth', 'kinds', 'resource', 'secrets', 'storage'],
  http: ['auth', 'errors', 'file-problem', 'gen', 'kinds', 'resource'],
  kinds: ['audit', 'auth', 'errors', 'gen', 'pipeline', 'resource', 'secrets', 'steps', 'storage'],
  steps: ['audit', 'auth', 'awaitable', 'errors', 'gen', 'pipeline', 'resource', 'secrets', 'storage'],
  resource: ['audit', 'auth', 'awaitable', 'errors', 'gen', 'pipeline', 'secrets', 'storage'],
  pipeline: [],
  engines: ['audit', 'config', 'durable-file', 'errors', 'file-problem', 'make-directory', 'places', 'secrets', 'storage'],
  storage: ['errors'],
  auth: ['durable-file', 'errors', 'file-problem'],
  secrets: ['awaitable', 'errors', 'file-problem'],
  audit: ['errors'],
  'make-directory': ['file-problem'],
  'file-problem': [],
  'durable-file': ['errors'],
  errors: [],
  awaitable: [],
  places: [],
  gen: [],
  config: ['auth', 'config-values', 'variables'],
  variables: ['config-values', 'service-links'],
  'config-values': ['places'],
  'service-links': [],
  log: ['config', 'errors', 'log-for-people', 'log-output', 'pipeline'],
  'log-for-people': [],
  'log-output': [],
  ending: [],
  'open-files': [],
  observer: ['errors', 'pipeline']
}

/** Packages that one part alone may import. */
const ONLY: ReadonlyArray<[packages: RegExp, part: string]> = [
  [/^fastify$|^@fastify\/|^ajv$|^helmet$|^node:(https?|tls)$/, 'http'],
  [/level$/, 'engines'],
  [/^@opentelemetry\//, 'observer']
]

interface Import { readonly file: string, readonly part: string, readonly specifier: string, readonly target: string }

// Commands stand beside what they are about, and use it as `main` does.
const isCommand = (path: string) => /-(cli|command)\.[jt]s$/.test(path)
const part = (path: string) => isCommand(path) ? 'commands' : relative('src', path).split(sep)[0]!.replace(/\.[jt]s$/, '')
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

t.test('the pipeline core imports nothing but itself', async t => {
  const wrong = imports.filter(one => one.part === 'pipeline' && !(isOwn(one) && part(one.target) === 'pipeline'))
  t.same(wrong.map(({ file, specifier }) => `${file}: ${specifier}`), [])
})

t.test('the wire schemas are for the transport alone, and know no more of src than the error codes', async t => {
  t.same([...new Set(imports.filter(({ target }) => target.startsWith(`schemas${sep}`)).map(({ part }) => part))], ['http'])
  const wrong = importsOf('schemas').filter(({ target }) => target.startsWith(`src${sep}`) && target !== join('src', 'errors.js'))
  t.same(wrong.map(({ file, specifier }) => `${file}: ${specifier}`), [])
})

t.test('a package stays in the part it is for', async t => {
  const wrong = imports.filter(one => !isOwn(one) && ONLY.some(([packages, part]) => packages.test(one.specifier) && part !== one.part))
  // The type of what it composes.
  t.same(wrong.map(({ file, specifier }) => `${file}: ${specifier}`), ['src/compose.ts: fastify'])
})

t.test('steps, and what they share, know no kind of resource', async t => {
  const wrong = imports.filter(({ part, target }) => (part === 'steps' || part === 'resource') && /executioncontext/.test(target))
  t.same(wrong.map(({ file, specifier }) => `${file}: ${specifier}`), [])
})

t.test('generated code imports nothing but generated code and its library', async t => {
  const wrong = imports.filter(({ part }) => part === 'gen').filter(one => !isOwn(one) && !one.specifier.startsWith('@bufbuild/'))
  t.same(wrong.map(({ file, specifier }) => `${file}: ${specifier}`), [])
})
