import { createHash } from 'node:crypto'

const LONG = 65_536

/** As many bytes as wanted, always the same for `seed`, that no compression makes smaller. */
const bytes = (seed: string, length: number) => createHash('shake256', { outputLength: length }).update(seed).digest()
const letters = (seed: string, length: number) => bytes(seed, length).toString('base64').replaceAll(/[+/=]/g, 'x').slice(0, length)

/** Values of every shape that a secret may have, which no other `seed` gives. */
export const canaries = (seed: string): Readonly<Record<string, string>> => ({
  PLAIN: letters(`${seed} plain`, 48),
  ESCAPED: ['"', '\\', '\t', '\u0001', '</', '\u2028'].map(special => letters(`${seed} ${special}`, 24) + special).join(''),
  BASE64: bytes(`${seed} base64`, 61).toString('base64'),
  LONG: letters(`${seed} long`, LONG),
  LINES: [1, 2, 3].map(line => letters(`${seed} line ${line}`, 40)).join('\r\n').replace('\r', ''),
  NON_ASCII: Array.from(bytes(`${seed} non-ascii`, 40), (byte, at) => String.fromCodePoint([0xc0, 0x400, 0x4e00, 0x1f300][at % 4]! + byte % 64)).join('')
})

interface Form {
  readonly name: string
  readonly text: string
  /** How much of it is enough to be known, in characters: so little that chance does not bring it. */
  readonly size: number
}

/** What `value` may look like where it should not be. */
function formsOf (value: string): Form[] {
  const raw = Buffer.from(value)
  const escaped = JSON.stringify(value).slice(1, -1)
  const shifted = [0, 1, 2].map(shift => Buffer.concat([Buffer.alloc(shift), raw]).toString('base64').slice(shift === 0 ? 0 : 4, -4))
  return [
    { name: 'in clear', text: value, size: 8 },
    { name: 'JSON-escaped', text: escaped, size: 8 },
    { name: 'JSON-escaped', text: escaped.replaceAll(/[^ -~]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`), size: 24 },
    { name: 'percent-encoded', text: encodeURIComponent(value), size: 24 },
    ...shifted.map(text => ({ name: 'in base64', text, size: 16 })),
    ...shifted.map(text => ({ name: 'in base64url', text: text.replaceAll('+', '-').replaceAll('/', '_'), size: 16 })),
    { name: 'in hex', text: raw.toString('hex'), size: 16 },
    { name: 'in hex', text: raw.toString('hex').toUpperCase(), size: 16 }
  ]
}

// Of a long value not every window is kept: what is found then is a stretch of some fifty characters.
const MOST_WINDOWS = 2_000

/**
 * Finds secrets, whole or in part: a database splits a value over its blocks and compresses it, and an error quotes
 * a few characters. Each form is cut into overlapping windows, and one that is found is enough.
 */
export class Sweep {
  readonly #windows = new Map<number, Map<string, string>>()
  /** Whether a window may begin with four bytes: that spares a look at most places. */
  readonly #beginnings = new Uint8Array(1 << 22)

  constructor (secrets: Readonly<Record<string, string>>) {
    for (const [name, value] of Object.entries(secrets)) this.add(name, value)
  }

  add (name: string, value: string): void {
    for (const { name: form, text, size } of formsOf(value)) {
      const content = Buffer.from(text)
      const windows = this.#windows.get(size) ?? new Map<string, string>()
      this.#windows.set(size, windows)
      const stride = Math.ceil(content.length / MOST_WINDOWS)
      for (let at = 0; at + size <= content.length; at += stride) {
        const window = content.toString('latin1', at, at + size)
        this.#beginnings[beginning(content, at)] = 1
        if (!windows.has(window)) windows.set(window, `${name} ${form}`)
      }
    }
  }

  /** Which secrets `text` holds, and in which form. */
  find (text: Buffer | string): string[] {
    const content = Buffer.from(text)
    const found = new Set<string>()
    for (let at = 0; at + 4 <= content.length; at++) {
      if (this.#beginnings[beginning(content, at)] === 0) continue
      for (const [size, windows] of this.#windows) {
        const name = windows.get(content.toString('latin1', at, at + size))
        if (name !== undefined) found.add(name)
      }
    }
    return [...found]
  }
}

const beginning = (content: Buffer, at: number) => Math.imul(content.readInt32LE(at), 0x9e3779b1) >>> 10
