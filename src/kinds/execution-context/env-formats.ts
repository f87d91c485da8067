import { randomUUID } from 'node:crypto'
import type { EnvFormat as Formats } from '../../gen/ectx/v1/execution_context_pb.js'
import { dotenvQuoted } from './dotenv-quoting.js'
import { isOfRunner, isOfShell, isVariable } from './env-names.js'

export type EnvFormat = keyof typeof Formats

/** Why a format cannot hold an entry. `detail` never quotes the value. */
export interface Unfit { readonly key: string, readonly detail: string }

type Environment = { readonly text: string, readonly unfit?: never } | { readonly text?: never, readonly unfit: readonly Unfit[] }

/** An entry as a format writes it, or why it cannot. */
type Written = { readonly text: string, readonly detail?: never } | { readonly text?: never, readonly detail: string }

/** The longest line that docker reads, with its end: the buffer of Go's bufio.Scanner. */
const DOCKER_LINE_BYTES = 64 * 1024

/**
 * The entries as one environment in `format`: whoever reads it as the format is read gets each value exactly. Where the format cannot
 * hold all of them, there is no text, and `unfit` has each that it cannot.
 */
export function writeEnv (format: EnvFormat, entries: ReadonlyArray<readonly [key: string, value: string]>): Environment {
  const written = entries.map(([key, value]) => ({ key, ...writeEntry(format, key, value) }))
  const unfit = written.flatMap(({ key, detail }) => detail === undefined ? [] : [{ key, detail }])
  if (unfit.length > 0) return { unfit }
  const texts = written.map(({ text }) => text)
  return { text: format === 'json' ? `{${texts.join(',')}}` : texts.join('') }
}

function writeEntry (format: EnvFormat, key: string, value: string): Written {
  if (value.includes('\0')) return refuse('holds a NUL character, which no environment can; leave it out with keys=')
  if (format !== 'json' && !isVariable(key)) {
    return refuse(`is not the name of a variable, which has letters, digits and _ alone, and begins with no digit; ${INSTEAD}`)
  }
  return WRITERS[format](key, value)
}

const WRITERS: Readonly<Record<EnvFormat, (key: string, value: string) => Written>> = {
  json: (key, value) => ({ text: `${JSON.stringify(key)}:${JSON.stringify(value)}` }),

  dotenv (key, value) {
    // Set on an object of JavaScript it is lost.
    if (key === '__proto__') return refuse(`is a name that dotenv files cannot hold; ${INSTEAD}`)
    const quoted = dotenvQuoted(value)
    return quoted === undefined ? refuse(`${NO_QUOTES}; ${INSTEAD}`) : { text: `${key}=${quoted}\n` }
  },

  shell (key, value) {
    if (isOfShell(key)) return refuse(`is a name that shells keep for themselves; ${INSTEAD}`)
    return { text: `export ${key}='${value.replaceAll("'", "'\\''")}'\n` }
  },

  docker (key, value) {
    if (value.includes('\n')) return refuse(`has more than one line, which docker's --env-file cannot hold; ${INSTEAD}`)
    if (value.endsWith('\r')) return refuse(`ends with a carriage return, which docker drops; ${INSTEAD}`)
    const line = `${key}=${value}\n`
    if (Buffer.byteLength(line) <= DOCKER_LINE_BYTES) return { text: line }
    return refuse(`is too long for docker, which reads lines of ${DOCKER_LINE_BYTES} bytes, with the name, the = and the end; ${INSTEAD}`)
  },

  github (key, value) {
    if (isOfRunner(key)) return refuse(`is a name that the runner of GitHub Actions keeps for itself; ${INSTEAD}`)
    let end
    do end = `END_${randomUUID()}`
    while (value.includes(end))
    return { text: `${key}<<${end}\n${value}\n${end}\n` }
  }
}

const INSTEAD = 'take format=json, or leave it out with keys='

const NO_QUOTES =
  'needs quotes, and has all three kinds of them, a carriage return beside \\n, or a backslash at its end, so that dotenv files cannot hold it'

const refuse = (detail: string): Written => ({ detail })
