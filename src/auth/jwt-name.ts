import { hash } from 'node:crypto'

const MOST_BYTES = 1024
const MOST_NAME = 255

/**
 * `jwt:` and `sub` with all that could disturb a log percent-encoded: so nobody takes the name of another, nor of `system`.
 * What is longer than 255 characters then is cut, and marked by `%...` and a hash of all of it. `undefined` where `sub` is
 * no text of 1 to 1,024 bytes.
 */
export function nameOf (sub: unknown): string | undefined {
  if (typeof sub !== 'string' || sub === '' || Buffer.byteLength(sub) > MOST_BYTES) return undefined
  const name = sub.toWellFormed().replaceAll(/[^A-Za-z0-9._:@/|+=,~-]/gu, character => encodeURIComponent(character).replaceAll("'", '%27'))
  return `jwt:${name.length <= MOST_NAME ? name : shortened(name)}`
}

// A percent sign stands before two digits anywhere else, so that no name looks like one that was cut.
function shortened (name: string): string {
  const mark = `%...${hash('sha256', name).slice(0, 32)}`
  return name.slice(0, MOST_NAME - mark.length).replace(/%.?$/, '') + mark
}
