import { createHmac } from 'node:crypto'
import { statSync } from 'node:fs'
import { GatewayError } from '../errors.js'
import { WatchedFile, type Watching } from '../files/watched-file.js'

const SECRET = /^whsec_([A-Za-z0-9+/]+={0,2})$/
const OTHERS = 0o007

/**
 * Signs by each secret of a file, in the way of Standard Webhooks: one `whsec_…` a line, one or two of them, so that whoever verifies can
 * change to another. A changed file is in force within a second; a broken one leaves them as they were.
 */
export class SigningKeys {
  readonly #keys: WatchedFile<readonly Buffer[]>

  /** @throws {GatewayError} that says what is wrong with the file, and quotes nothing of it */
  constructor (file: string, watching: Watching) {
    this.#keys = new WatchedFile(file, text => {
      if ((statSync(file).mode & OTHERS) !== 0) {
        throw invalid('every user of this machine can read or change it: take that from others, such as by chmod 600')
      }
      return keysIn(text)
    }, watching)
  }

  /** The signatures of what is sent under that id at that time, with a blank between them. */
  sign (id: string, seconds: number, body: string): string {
    return this.#keys.current.map(key => `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`).join(' ')
  }
}

function keysIn (text: string): readonly Buffer[] {
  const keys = text.split('\n').map(line => line.trim()).filter(line => line !== '').map(keyOf)
  if (keys.length === 0 || keys.length > 2) throw invalid('must hold one secret, or two, each on a line of its own')
  return keys
}

function keyOf (line: string, at: number): Buffer {
  const key = Buffer.from(SECRET.exec(line)?.[1] ?? '', 'base64')
  if (key.length >= 24 && key.length <= 64) return key
  throw invalid(`secret ${at + 1}: must be whsec_ and 24 to 64 random bytes in base64, such as: echo whsec_$(openssl rand -base64 32)`)
}

const invalid = (message: string) => new GatewayError('invalid_argument', message)
