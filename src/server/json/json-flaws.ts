import { jsonPointer, MOST_VIOLATIONS, type Violation } from '../../errors.js'

const TOKEN = /[{}[\],]|"[^"\\]*(?:\\.[^"\\]*)*"/g
const BEHIND_NAME = /[\t\n\r ]*:/y

const TWICE = 'is named more than once; name each field once'
const PROTO = 'must not be named __proto__'
const HALF_NAME = 'the key must not have half of a surrogate pair'
const HALF = 'must not have half of a surrogate pair'

/** An object or array that is still open, and where in it the text is. */
interface Open {
  at: string | number
  readonly names?: Set<string>
}

/**
 * What the valid JSON `text` holds that is lost or changed when it is parsed: fields that are named twice, however
 * their names are escaped, `__proto__`, and halves of surrogate pairs. One flaw for each place, a hundred at most.
 */
export function flawsIn (text: string): Violation[] {
  const open: Open[] = []
  const flaws = new Map<string, string>()
  const report = (detail: string) => {
    const pointer = jsonPointer(open.map(({ at }) => at))
    if (!flaws.has(pointer)) flaws.set(pointer, detail)
  }
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (flaws.size === MOST_VIOLATIONS) break
    const inside = open.at(-1)
    switch (token) {
      case '{':
        open.push({ at: '', names: new Set() })
        break
      case '[':
        open.push({ at: 0 })
        break
      case '}': case ']':
        open.pop()
        break
      case ',':
        if (typeof inside?.at === 'number') inside.at++
        break
      default: {
        const string: string = JSON.parse(token)
        BEHIND_NAME.lastIndex = index + token.length
        if (inside?.names === undefined || !BEHIND_NAME.test(text)) {
          if (!string.isWellFormed()) report(HALF)
          break
        }
        inside.at = string
        if (string === '__proto__') report(PROTO)
        else if (!string.isWellFormed()) report(HALF_NAME)
        else if (inside.names.has(string)) report(TWICE)
        inside.names.add(string)
      }
    }
  }
  return Array.from(flaws, ([pointer, detail]) => ({ pointer, detail }))
}
