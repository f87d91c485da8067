import { isUtf8 } from 'node:buffer'
import { GatewayError, invalidArgument, type Violation } from '../../errors.js'
import { flawsIn } from './json-flaws.js'
import { mistakeIn } from './json-mistake.js'

const MOST_NESTING = 32
// Three times what the largest valid body has.
const MOST_MEMBERS = 10_000
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const COMMA = 0x2c

export interface JsonBody {
  readonly value: unknown
  /** What the text holds that no value can keep as it was meant, each with its place. Where there are any, `value` must not be used. */
  readonly flaws: readonly Violation[]
}

const NO_FLAWS: readonly Violation[] = Object.freeze([])

/**
 * Parses a JSON body; an empty one is no body. A byte order mark before it is no part of it. An error and a flaw say
 * where, and never quote a value.
 * @throws `invalid_argument` for text that is no UTF-8 or no JSON, and for nesting or members beyond any use
 */
export function parseJsonBody (sent: Buffer): JsonBody {
  const bytes = sent[0] === 0xef && sent[1] === 0xbb && sent[2] === 0xbf ? sent.subarray(3) : sent
  if (bytes.length === 0) return { value: undefined, flaws: NO_FLAWS }
  if (isOtherUtf(bytes)) throw refuse('is UTF-16 or UTF-32; send it as UTF-8')
  if (!isUtf8(bytes)) throw refuse('is not valid UTF-8')
  const names = countNames(bytes)
  const text = bytes.toString()
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw refuse(`is not valid JSON at ${position(text)}`)
  }
  return { value, flaws: names === namesIn(value) ? NO_FLAWS : flawsIn(text) }
}

const refuse = (detail: string): GatewayError => invalidArgument([{ pointer: '', detail }])

/** By the byte order mark, or by the zero that their first character has: JSON in UTF-8 begins with neither. */
const isOtherUtf = ([first, second]: Buffer) =>
  first === 0 || second === 0 || (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)

/** How many fields the text names; refuses what nests too deep or has too many members, before anything is built from it. */
function countNames (bytes: Buffer): number {
  let depth = 0
  let commas = 0
  let names = 0
  for (let index = 0; index < bytes.length; index++) {
    switch (bytes[index]) {
      case OPEN_BRACE: case OPEN_BRACKET:
        if (++depth > MOST_NESTING) throw refuse(`is nested more than ${MOST_NESTING} levels deep`)
        break
      case CLOSE_BRACE: case CLOSE_BRACKET:
        depth--
        break
      case COLON:
        names++
        break
      case COMMA:
        if (++commas >= MOST_MEMBERS) throw refuse(`has more than ${MOST_MEMBERS} fields and items`)
        break
      case QUOTE:
        for (index++; index < bytes.length && bytes[index] !== QUOTE; index++) if (bytes[index] === BACKSLASH) index++
    }
  }
  return names
}

/** How many fields `value` has; not a number where a name or a text is flawed. It has fewer than its text where that names one twice. */
function namesIn (value: unknown): number {
  if (typeof value === 'string') return value.isWellFormed() ? 0 : NaN
  if (typeof value !== 'object' || value === null) return 0
  let names = 0
  if (Array.isArray(value)) {
    for (const item of value) names += namesIn(item)
  } else {
    for (const name in value) {
      const isFlawed = name === '__proto__' || !name.isWellFormed()
      names += isFlawed ? NaN : 1 + namesIn((value as Record<string, unknown>)[name])
    }
  }
  return names
}

/** Line and column of the first mistake. V8's own message would quote the text around it. */
function position (text: string): string {
  const before = text.slice(0, mistakeIn(text))
  const line = before.split('\n').length
  const column = before.length - before.lastIndexOf('\n')
  return `line ${line}, column ${column}`
}
