// What the documents say of the code, where it can be checked.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { VariablesSchema } from '../../src/config/values.js'
import { create } from '../../src/kinds/execution-context/create.js'
import { testDependencies } from '../support/dependencies.js'
import { DOCUMENTS } from './documents.js'

const read = (path: string) => readFileSync(path, 'utf8')
const BLOCK = /^ *```(\w*)$[^]*?^ *```$/gm
const withoutBlocks = (text: string) => text.replaceAll(BLOCK, '')
/** As GitHub makes them of the headings. */
const anchorsOf = (text: string) => [...withoutBlocks(text).matchAll(/^#+ (.*)$/gm)]
  .map(([, heading]) => heading!.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'))
const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ')

t.test('the README can be read at one go', async t => {
  t.ok(read('README.md').trimEnd().split('\n').length <= 150)
})

t.test('the settings are those that there are, and the compose files set none that is unknown', async t => {
  const known = Object.keys(VariablesSchema.properties)
  const [, settings = ''] = read('docs/running.md').split('\n## Settings\n')
  const rows = settings.match(/^\| `.*?\|/gm)?.flatMap(cell => cell.match(/\bECTX_[A-Z_]+/g) ?? []) ?? []
  t.strictSame(rows.sort(), known.sort())
  for (const file of ['docker/compose.yaml', 'docker/compose.postgres.yaml']) {
    t.same(read(file).match(/\bECTX_[A-Z_]+/g)?.filter(name => !known.includes(name)), [], file)
  }
})

t.test('the proxy leads to the gateways, which trust it, and PostgreSQL has the settings that are told', async t => {
  const compose = read('docker/compose.postgres.yaml')
  const addressOf = (service: string) => new RegExp(`\\n  ${service}:\\n(?: {4}.*\\n|\\n)*? +ipv4_address: ([\\d.]+)\\n`).exec(compose)?.[1]
  const servers = [...read('docker/haproxy.cfg').matchAll(/^ +server (\S+) ([\d.]+):8080$/gm)].map(([, name, address]) => [name, address])
  t.same(servers, ['ectx-1', 'ectx-2'].map(name => [name, addressOf(name)]))
  t.equal(/ECTX_TRUSTED_PROXIES: (.*)/.exec(compose)?.[1], addressOf('proxy'))
  const told = read('docs/postgres.md').match(/autovacuum_\w+ = \w[\w.]*/g)?.map(setting => setting.replaceAll(' ', ''))
  t.same(compose.match(/autovacuum_\w+=\w[\w.]*/g), told)
})

t.test('every npm script that a document names is there', async t => {
  const { scripts } = JSON.parse(read('package.json'))
  for (const document of DOCUMENTS) {
    const named = [...read(document).matchAll(/npm run (?:--silent )?([a-z:]+)/g)].map(([, name]) => name!)
    t.same(named.filter(name => !(name in scripts)), [], document)
  }
})

t.test('every file that a document names is there', async t => {
  for (const document of DOCUMENTS) {
    const named = [...read(document).matchAll(/(?<![\w./-])(?:src|test|schemas|docker|openapi|scripts)\/[\w./-]*\w\.(?:ts|js|yaml)\b/g)].map(([path]) => path)
    t.same(named.filter(path => !existsSync(path)), [], document)
  }
})

t.test('every link within the project leads to a document, and to a heading that it has', async t => {
  for (const document of DOCUMENTS) {
    const links = [...withoutBlocks(read(document)).matchAll(/\]\((?!https?:)([^)#]*)#?([^)]*)\)/g)]
    const dead = links.filter(([, path, anchor]) => {
      const target = path ? join(dirname(document), path) : document
      return !existsSync(target) || (anchor && !anchorsOf(read(target)).includes(anchor))
    })
    t.same(dead.map(([link]) => link), [], document)
  }
})

t.test('what looks like a session is marked as one, so that it is run', async t => {
  for (const document of DOCUMENTS) {
    t.same([...read(document).matchAll(BLOCK)].filter(([block, language]) => language !== 'console' && /^\$ /m.test(block)), [], document)
  }
})

t.test('what there is to change is told with the steps of create', async t => {
  t.match(oneLine(read('docs/changing.md')), create(testDependencies()).steps.map(({ name }) => name).join(' → '))
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
