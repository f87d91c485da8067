import { spawnSync } from 'node:child_process'

/** A command in a document, and what the document says that it prints. */
export interface Command {
  /** Where it begins, from 1. */
  readonly line: number
  readonly text: string
  readonly prints: readonly string[]
}

const SESSION = /(?<=^```console\n)[^]*?(?=^```$)/gm
const PROMPT = '$ '

/**
 * The commands of all blocks of `markdown` that are fenced as `console`, in order. There a command begins with `$ `, and goes
 * on over as many lines as a shell would ask for; what follows until the next is what it prints, without blank lines at its end.
 */
export function commandsOf (markdown: string): Command[] {
  return [...markdown.matchAll(SESSION)].flatMap(({ 0: block, index }) =>
    commandsIn(block.split('\n').slice(0, -1), markdown.slice(0, index).split('\n').length))
}

function commandsIn (lines: readonly string[], first: number): Command[] {
  const commands: Array<{ line: number, text: string, prints: string[] }> = []
  let isOpen = false
  lines.forEach((line, index) => {
    const command = commands.at(-1)
    if (isOpen) command!.text += `\n${line}`
    else if (line.startsWith(PROMPT)) commands.push({ line: first + index, text: line.slice(PROMPT.length), prints: [] })
    else if (command !== undefined) return command.prints.push(line)
    else throw new Error(`line ${first}: a session begins with a command`)
    isOpen = !isWhole(commands.at(-1)!.text)
  })
  if (isOpen) throw new Error(`line ${commands.at(-1)!.line}: the command has no end`)
  for (const { prints } of commands) while (prints.at(-1) === '') prints.pop()
  return commands
}

/** A here-document that lacks its end is only warned of. */
function isWhole (text: string): boolean {
  const { status, stderr } = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' })
  return status === 0 && stderr === '' && !text.endsWith('\\')
}
