import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import t from 'tap'
import ts from 'typescript'

/** Each part of src, and the parts that it may import. `main → compose → http → execution-context → steps → pipeline`. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  main: ['ending', 'open-files', 'run'],
  run: ['compose', 'config', 'ending', 'errors', 'log', 'variables'],
  compose: ['audit', 'auth', 'config', 'errors', 'execution-context', 'http', 'keeping', 'observer', 'open-files', 'secrets', 'storage'],
  keeping: ['audit', 'auth', 'execution-context', 'secrets', 'storage'],
  http: ['auth', 'errors', 'execution-context', 'file-problem', 'gen', 'steps'],
  'execution-context': ['audit', 'auth', 'errors', 'gen', 'pipeline', 'secrets', 'steps', 'storage'],
  steps: ['audit', 'auth', 'errors', 'gen', 'pipeline', 'secrets', 'storage'],
  pipeline: [],
  storage: ['errors', 'gen', 'make-directory'],
  auth: ['durable-file', 'errors', 'file-problem', 'variables'],
  secrets: ['durable-file', 'errors', 'file-problem', 'make-directory', 'variables'],
  audit: ['durable-file', 'errors', 'file-problem', 'make-directory', 'variables'],
  'make-directory': ['file-problem'],
  'file-problem': [],
  'durable-file': ['errors'],
  errors: [],
  gen: [],
  config: ['auth', 'config-values', 'variables'],
  variables: ['config-values', 'service-links'],
  'config-values': [],
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
  [/level$/, 'storage'],
  [/^@opentelemetry\//, 'observer']
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

t.test('steps know no kind of resource, and no step knows another operation', async t => {
  const wrong = imports.filter(({ part, target }) => part === 'steps' && /executioncontext/.test(target))
  t.same(wrong.map(({ file, specifier }) => `${file}: ${specifier}`), [])
})

t.test('generated code imports nothing but generated code and its library', async t => {
  const wrong = imports.filter(({ part }) => part === 'gen').filter(one => !isOwn(one) && !one.specifier.startsWith('@bufbuild/'))
  t.same(wrong.map(({ file, specifier }) => `${file}: ${specifier}`), [])
})
