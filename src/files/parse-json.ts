import { GatewayError } from '../errors.js'

/** The value of JSON text, which some editors begin with a byte order mark. @throws {GatewayError} that quotes nothing of it */
export function parseJson (text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch {
    // The parser's own error quotes what it read.
    throw new GatewayError('invalid_argument', 'is no valid JSON')
  }
}
