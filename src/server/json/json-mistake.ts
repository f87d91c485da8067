const GAP = /[\t\n\r ]*/y
const TOKEN = /[{}[\],:]|"[ !#-[\]-\uffff]*(?:\\(?:["\\/bfnrt]|u[\da-fA-F]{4})[ !#-[\]-\uffff]*)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|$/y

// What may come next, as a list of kinds: a bracket, comma or colon is its own, `s` a string, `v` any other scalar, `$` the end.
const VALUE = '{[sv'

/**
 * Offset of the first token of `text` that no JSON could have there; of its end where all is well. Keeps its own stack
 * and stops at the first mistake, so that no text makes it recurse.
 */
export function mistakeIn (text: string): number {
  const open: string[] = []
  const behindValue = () => open.length === 0 ? '$' : ',' + open.at(-1)
  let expected = VALUE
  let offset = 0
  for (;;) {
    offset += match(GAP, text, offset)!.length
    const token = match(TOKEN, text, offset)
    const kind = token === undefined ? '?' : kindOf(token)
    if (token === undefined || kind === '$' || !expected.includes(kind)) return offset
    switch (kind) {
      case '{':
        open.push('}')
        expected = 's}'
        break
      case '[':
        open.push(']')
        expected = VALUE + ']'
        break
      case ':':
        expected = VALUE
        break
      case ',':
        expected = open.at(-1) === '}' ? 's' : VALUE
        break
      case 's':
        // A string that no other scalar could replace is a field's name.
        expected = expected.includes('v') ? behindValue() : ':'
        break
      default:
        if (kind !== 'v') open.pop()
        expected = behindValue()
    }
    offset += token.length
  }
}

function match (pattern: RegExp, text: string, offset: number): string | undefined {
  pattern.lastIndex = offset
  return pattern.exec(text)?.[0]
}

function kindOf (token: string): string {
  if (token === '') return '$'
  if (token.startsWith('"')) return 's'
  return '{}[],:'.includes(token) ? token : 'v'
}
