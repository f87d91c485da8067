// Code that must not compile, and what the compiler says of each. Record anew: `UPDATE=1 npm test -- test/types/types.test.ts`,
// then read the difference: those sentences are what a developer gets.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import t from 'tap'
import ts from 'typescript'

const ROOT = `${process.cwd()}/`
const CASES = join(ROOT, 'test/types/cases')
const isRight = (name: string) => name.startsWith('compiles')

const files = readdirSync(CASES).filter(name => name.endsWith('.ts')).map(name => join(CASES, name))
const { options } = ts.getParsedCommandLineOfConfigFile(join(ROOT, 'tsconfig.json'), { noEmit: true }, {
  ...ts.sys,
  onUnRecoverableConfigFileDiagnostic (diagnostic) { throw new Error(textOf(diagnostic)) }
})!
const program = ts.createProgram(files, options)

function textOf ({ messageText }: ts.Diagnostic): string {
  return ts.flattenDiagnosticMessageText(messageText, '\n').replaceAll(ROOT, '')
}

/** Where, by line and column, and what. */
function print (diagnostic: ts.Diagnostic): string {
  const { line, character } = ts.getLineAndCharacterOfPosition(diagnostic.file!, diagnostic.start!)
  return `${line + 1}:${character + 1} TS${diagnostic.code}: ${textOf(diagnostic)}\n`
}

for (const file of files) {
  const name = basename(file, '.ts')
  const source = program.getSourceFile(file)!
  const said = ts.getPreEmitDiagnostics(program, source).map(print).join('')

  if (isRight(name)) {
    t.test(name, async t => t.equal(said, ''))
    continue
  }

  t.test(`${name} does not compile`, async t => {
    const recorded = join(dirname(file), `${name}.txt`)
    if (process.env.UPDATE) writeFileSync(recorded, said)
    t.ok(existsSync(recorded), `${relative(ROOT, recorded)} is recorded`)
    t.equal(said, readFileSync(recorded, 'utf8'))

    const [, names] = /^\/\/ names: (.+)$/m.exec(source.text) ?? []
    t.ok(names, 'the case says which names a developer must be told')
    for (const named of names!.split(', ')) t.match(said, named, `the message says ${named}`)
  })
}

t.test('every recorded message has its case', async t => {
  const recorded = readdirSync(CASES).filter(name => name.endsWith('.txt')).map(name => basename(name, '.txt'))
  const cases = files.map(file => basename(file, '.ts')).filter(name => !isRight(name))
  t.same(recorded.sort(), cases.sort())
})
