// `npm run pipelines [-- operation …]`: what each operation's pipeline is made of, as text and as a Mermaid diagram. All of
// it is read from the types that the compiler sees at each `.step(…)`, so it cannot say anything but what is built.
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** Where the operations of all kinds, and in a folder below of each, are made: whatever expression there is a pipeline is one. */
const SOURCES = 'operations.ts'
const ROOT = fileURLToPath(new URL('..', import.meta.url))

const program = createProgram()
const checker = program.getTypeChecker()
const all = program.getSourceFiles().filter(file => basename(file.fileName) === SOURCES).flatMap(pipelinesIn)
const asked = process.argv.slice(2)
const unknown = asked.filter(name => !all.some(pipeline => pipeline.name === name))
if (unknown.length > 0) {
  console.error(`no operation is called ${unknown.join(', ')}; there are ${all.map(({ name }) => name).join(', ')}`)
  process.exit(1)
}
const shown = asked.length === 0 ? all : all.filter(({ name }) => asked.includes(name))
console.log([...shown.map(toText), ['```mermaid', 'flowchart LR', ...shown.map(toMermaid), '```'].join('\n')].join('\n\n'))

function createProgram () {
  const { config } = ts.readConfigFile(`${ROOT}tsconfig.json`, ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT)
  return ts.createProgram([`${ROOT}src/kinds/${SOURCES}`], options)
}

/** The type arguments of `node` where its type is an instance of the class or interface `name` of the pipeline core. */
function argumentsOf (name, node) {
  const type = checker.getTypeAtLocation(node)
  return type.symbol?.name === name ? checker.getTypeArguments(type) : undefined
}

function pipelinesIn (file) {
  const found = []
  const visit = node => {
    if (ts.isCallExpression(node) && argumentsOf('Pipeline', node)) found.push(pipelineOf(node))
    else ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

/** A pipeline as it was written: `Pipeline.from(…)` and a chain of `.step(…)`, itself or by way of functions and constants. */
function pipelineOf (node) {
  if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
    const { expression, name } = node.expression
    if (name.text === 'step') {
      const before = pipelineOf(expression)
      return { ...before, steps: [...before.steps, stepOf(node.arguments[0])] }
    }
    if (name.text === 'from') {
      const [, start] = argumentsOf('Pipeline', node)
      return { name: checker.getTypeAtLocation(node.arguments[0]).value, start: keysOf([start], node), steps: [] }
    }
  }
  const target = ts.isCallExpression(node) ? node.expression : node
  const symbol = checker.getSymbolAtLocation(target)
  const declared = symbol && (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol).valueDeclaration
  const made = declared && returnedBy(declared)
  if (made === undefined) throw new Error(`cannot follow how a pipeline is made: ${node.getText()} in ${node.getSourceFile().fileName}`)
  return pipelineOf(made)
}

/** The expression that a constant holds, or that the function it holds returns. */
function returnedBy (declaration) {
  let node = ts.isVariableDeclaration(declaration) ? declaration.initializer : declaration
  if (node && ts.isArrowFunction(node) && !ts.isBlock(node.body)) return node.body
  if (node && ts.isFunctionLike(node)) node = node.body?.statements.find(ts.isReturnStatement)?.expression
  return node
}

function stepOf (node) {
  const [name, needs, adds] = argumentsOf('Step', node)
  const members = adds.isUnion() ? adds.types : [adds]
  const ends = members.filter(isFinish).flatMap(type => keysOf([checker.getTypeArguments(type)[0]], node))
  return { name: name.value, needs: keysOf([needs], node), adds: keysOf(members.filter(type => !isFinish(type)), node), ends }
}

/** Whether a step that answers this ends the run. */
function isFinish (type) {
  return type.symbol?.name === 'Finish'
}

/** The keys of the types, with the type of each. Of a union, each member's; a key that not all have may be absent. */
function keysOf (types, node) {
  const members = types.flatMap(type => type.isUnion() ? type.types : [type])
  const keys = new Map()
  for (const member of members) {
    for (const property of checker.getPropertiesOfType(member)) {
      const optional = property.flags & ts.SymbolFlags.Optional || members.some(other => !checker.getPropertyOfType(other, property.name))
      const value = checker.typeToString(checker.getTypeOfSymbolAtLocation(property, node), undefined, ts.TypeFormatFlags.NoTruncation)
      keys.set(property.name + (optional ? '?' : ''), value.replaceAll('; }', ' }'))
    }
  }
  return [...keys].map(([key, type]) => ({ key, type }))
}

function toText ({ name, start, steps }) {
  const typed = keys => keys.map(({ key, type }) => `${key}: ${type}`).join(', ') || '–'
  const rows = [
    ['step', 'needs', 'adds'],
    ['(call)', '', typed(start)],
    ...steps.map(({ name, needs, adds, ends }) => {
      return [name, typed(needs), ends.length === 0 ? typed(adds) : `${typed(adds)}; or ends: ${typed(ends)}`]
    })
  ]
  const widths = rows[0].map((_, column) => Math.max(...rows.map(row => row[column].length)))
  return [name, ...rows.map(row => '  ' + row.map((cell, column) => cell.padEnd(widths[column])).join('   ').trimEnd())].join('\n')
}

/** One row: an arrow carries what its step adds, a box says what its step needs. */
function toMermaid ({ name, start, steps }) {
  const listed = keys => keys.map(({ key }) => key).join(', ')
  const id = index => `${name}${index}`
  const textOf = ({ name, needs }) => `${name}${needs.length > 0 ? `<br/><i>${listed(needs)}</i>` : ''}`
  const boxes = steps.map((step, index) => `    ${id(index + 1)}["${textOf(step)}"]`)
  const adding = [start, ...steps.map(({ adds }) => adds)]
  const arrow = (from, keys, to) => `    ${id(from)} -->${keys.length > 0 ? `|${listed(keys)}|` : ''} ${id(to)}`
  const arrows = adding.map((adds, index) => arrow(index, adds, index + 1))
  const early = steps.flatMap(({ ends }, index) => ends.length > 0 ? [arrow(index + 1, ends, steps.length + 1)] : [])
  return [
    `  subgraph ${name}`,
    '    direction LR',
    `    ${id(0)}((call))`,
    ...boxes,
    `    ${id(steps.length + 1)}((result))`,
    ...arrows,
    ...early,
    '  end'
  ].join('\n')
}
