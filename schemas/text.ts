// What free text may hold. JSON can write any character; these texts stand in logs, tables and pages beside others, where a
// character that is no text would break a line, or turn around what is shown after it (U+202A to U+202E, U+2066 to U+2069).
// The marks and joiners that scripts and emoji need are text.

/** One line: no control character, no line or paragraph separator, nothing that changes the direction of what follows. */
export const ONE_LINE_PATTERN = '^[^\\x00-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069]*$'
/** Any number of lines: no control character but tab, line feed and carriage return. */
export const LINES_PATTERN = '^[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]*$'

/** What a caller is told whose text does not match, by the pattern. */
export const PATTERN_SENTENCES: Readonly<Record<string, string>> = {
  [ONE_LINE_PATTERN]: 'must be one line of text, without control and bidirectional formatting characters',
  [LINES_PATTERN]: 'must be text without control characters other than tabs and line ends'
}
