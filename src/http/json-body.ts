import { isUtf8 } from 'node:buffer'
import { GatewayError, invalidArgument } from '../errors.js'
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
const COMMA = 0x2c

/**
 * Parses a JSON body; an empty one is no body. Refuses what would be read otherwise than it was meant (text that is
 * no UTF-8, half of a surrogate pair), `__proto__`, and nesting or members beyond any use. An error says where, and
 * never quotes the text.
 * @throws `invalid_argument`
 */
export function parseJsonBody (bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined
  if (!isUtf8(bytes)) throw refuse('is not valid UTF-8')
  refuseExcess(bytes)
  const text = bytes.toString()
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw refuse(`is not valid JSON at ${position(text)}`)
  }
  if (SUSPECT.test(text)) assertHarmless(value)
  return value
}

const refuse = (detail: string): GatewayError => invalidArgument([{ pointer: '', detail }])

/** Refuses what nests too deep or has too many members, before anything is built from it. */
function refuseExcess (bytes: Buffer): void {
  let depth = 0
  let commas = 0
  for (let index = 0; index < bytes.length; index++) {
    switch (bytes[index]) {
      case OPEN_BRACE: case OPEN_BRACKET:
        if (++depth > MOST_NESTING) throw refuse(`is nested more than ${MOST_NESTING} levels deep`)
        break
      case CLOSE_BRACE: case CLOSE_BRACKET:
        depth--
        break
      case COMMA:
        if (++commas >= MOST_MEMBERS) throw refuse(`has more than ${MOST_MEMBERS} fields and items`)
        break
      case QUOTE:
        for (index++; index < bytes.length && bytes[index] !== QUOTE; index++) if (bytes[index] === BACKSLASH) index++
    }
  }
}

/** Line and column of the first mistake. V8's own message would quote the text around it. */
function position (text: string): string {
  const before = text.slice(0, mistakeIn(text))
  const line = before.split('\n').length
  const column = before.length - before.lastIndexOf('\n')
  return `line ${line}, column ${column}`
}

// Names the prototype, or has an escape that could, or that could be half of a pair: UTF-8 itself cannot hold one.
const SUSPECT = /__proto__|\\u/

function assertHarmless (value: unknown): void {
  if (typeof value === 'string' && !value.isWellFormed()) throw refuse('has a string with half of a surrogate pair')
  if (typeof value !== 'object' || value === null) return
  for (const [key, child] of Object.entries(value)) {
    if (key === '__proto__') throw refuse('has a field named __proto__, which is never allowed')
    assertHarmless(key)
    assertHarmless(child)
  }
}
