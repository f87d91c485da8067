// What the documents say of the code, where it can be checked.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../src/config/config.js'
import { create } from '../src/kinds/execution-context/create.js'
import { testDependencies } from './support/dependencies.js'

const DOCUMENTS = ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'src/pipeline/README.md']
const read = (path: string) => readFileSync(path, 'utf8')
const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ')

/** Every variable that there is: a wrong one is answered with the list of them. */
function variables (): string[] {
  try {
    loadConfig({ ECTX_: 'x' })
    return []
  } catch (error) {
    return String(error).match(/\bECTX_[A-Z_]+/g) ?? []
  }
}

t.test('the README has a row for every variable, and compose.yaml sets none that is unknown', async t => {
  const known = variables()
  t.ok(known.length > 10)
  const [, settings = ''] = read('README.md').split('## Settings')
  const rows = settings.match(/^\|.*\|$/gm)?.join('\n') ?? ''
  t.same(known.filter(name => !rows.includes(`\`${name}\``)), [])
  t.same(read('docker/compose.yaml').match(/\bECTX_[A-Z_]+/g)?.filter(name => !known.includes(name)), [])
})

t.test('every npm script that a document names is there', async t => {
  const { scripts } = JSON.parse(read('package.json'))
  for (const document of DOCUMENTS) {
    const named = [...read(document).matchAll(/npm run (?:--silent )?([a-z:]+)/g)].map(([, name]) => name!)
    t.same(named.filter(name => !(name in scripts)), [], document)
  }
})

t.test('every file that a document links to or names is there', async t => {
  for (const document of DOCUMENTS) {
    const text = read(document)
    const linked = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, path]) => join(dirname(document), path!))
    const named = [...text.matchAll(/(?<![\w./-])(?:src|test|schemas|docker|openapi|scripts)\/[\w./-]*\w\.(?:ts|js|yaml)\b/g)].map(([path]) => path)
    t.same([...linked, ...named].filter(path => !existsSync(path)), [], document)
  }
})

t.test('the README has the steps of create', async t => {
  t.match(oneLine(read('README.md')), create(testDependencies()).steps.map(({ name }) => name).join(' → '))
})

t.test('the pipeline’s own README', async t => {
  const text = read('src/pipeline/README.md')

  t.test('has create and upsert as they are compiled', async t => {
    const withoutComments = (source: string) => oneLine(source.replaceAll(/\s+\/\/ .*$/gm, ''))
    const blocks = withoutComments(text)
    for (const [file, name] of [['src/kinds/execution-context/create.ts', 'create'], ['test/types/cases/compiles-upsert.ts', 'upsert']] as const) {
      const [, list = ''] = new RegExp(`(export const ${name} = [^]*?)(\n\n|\n$)`).exec(read(file)) ?? []
      t.ok(list.includes('.step('), file)
      t.ok(blocks.includes(withoutComments(list).trim()), file)
    }
  })

  t.test('has what the compiler says', async t => {
    const said = oneLine(text)
    for (const name of ['create-persist-before-build', 'overwrite', 'unknown-key-read', 'unknown-result-key']) {
      const message = read(`test/types/cases/${name}.txt`).replace(/^\S+ TS\d+: /, '')
      t.ok(said.includes(oneLine(message).trim()), name)
    }
  })
})
