interface Form {
  readonly fits: (value: string) => boolean
  readonly write: (value: string) => string
}

const single = (value: string) => `'${value}'`
const double = (value: string) => `"${value.replaceAll('\r', '\\r')}"`
const doubleOnOneLine = (value: string) => double(value).replaceAll('\n', '\\n')
const backquoted = (value: string) => `\`${value}\``
const asItIs = (value: string) => value

/** One line with nothing that npm dotenv would trim, cut off or unquote: so it reads the line to its end. As there, m knows U+2028. */
const isLine = (value: string) => value === value.trim() && !/[\r\n#]|^["'`]/m.test(value)

/** One that the others too read to its end, for whom some control characters are blanks. */
const isBare = (value: string) => isLine(value) && !/^\p{Cc}|\p{Cc}$/u.test(value)

/**
 * The ways to write a value, best first. First those that npm dotenv, python-dotenv, Ruby's dotenv and Docker Compose read alike, but for
 * a carriage return, which Ruby's loses. In single quotes nobody puts in variables or the output of commands. Then those on which npm
 * dotenv and python-dotenv agree. Last those of npm dotenv alone.
 */
const FORMS: readonly Form[] = [
  { fits: value => /^[\w./:@%+,=-]+$/.test(value), write: asItIs },
  { fits: value => !/['\r]|\\\\|\\$/.test(value), write: single },
  { fits: value => !/["\\$]/.test(value), write: double },
  { fits: value => isBare(value) && !/[\\$]/.test(value), write: asItIs },

  { fits: isBare, write: asItIs },
  // A backslash that begins none of Python's escapes.
  { fits: value => !/"|\\[\\'abfnrtv\r]|\\$/.test(value), write: double },

  { fits: isLine, write: asItIs },
  { fits: value => !value.includes('\r') && isReadWhole(single(value)), write: single },
  { fits: value => !/\\[nr]/.test(value) && isReadWhole(double(value)), write: double },
  { fits: value => !/\\[nr]/.test(value) && isReadWhole(doubleOnOneLine(value)), write: doubleOnOneLine },
  { fits: value => !value.includes('\r') && isReadWhole(backquoted(value)), write: backquoted }
]

/**
 * What stands behind the `=` of a dotenv file for `value`; undefined where npm dotenv could not read it in any way. It reads back
 * exactly what is written here, whatever else is in the file.
 */
export function dotenvQuoted (value: string): string | undefined {
  return FORMS.find(({ fits }) => fits(value))?.write(value)
}

/**
 * Whether npm dotenv takes all between the outer quotes for the value. It looks for a quote at the end of a line, with no other before it
 * but behind a backslash, which stays in the value. Where there is none it reads to the end of the first line, or to a #, and then takes
 * the outer quotes away. A quote that is escaped at the end might not be the last: there may be others further down in the file.
 */
function isReadWhole (quoted: string): boolean {
  const quote = quoted[0]!
  const text = quoted.slice(1, -1)
  const taken = new RegExp(`${quote}(?:\\\\${quote}|[^${quote}])*${quote}\\s*$`, 'my').exec(quoted)?.[0]
  return taken === undefined ? !/[#\n]/.test(text) : taken === quoted && !text.endsWith('\\')
}
