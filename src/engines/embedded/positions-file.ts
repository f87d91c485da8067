import { readFile } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { GatewayError } from '../../errors.js'
import { replaceFile } from '../../files/durable-file.js'
import { fileProblem, isAbsent } from '../../files/file-problem.js'
import type { PositionKeeper, Positions } from '../local-deliveries.js'

/** The file that has the positions of deliveries. What it throws names it, and says what to do. */
export class PositionsFile implements PositionKeeper {
  readonly #path: string

  constructor (path: string) {
    this.#path = path
  }

  async read (): Promise<Positions> {
    const text = await readFile(this.#path, 'utf8').catch(error => {
      if (isAbsent(error)) return undefined
      throw this.#problem(`cannot be read${fileProblem(error)}`, error)
    })
    if (text === undefined) return {}
    const [positions = '', checksum] = text.split('\n')
    if (checksum !== String(crc32(positions))) {
      throw this.#problem('is damaged: restore it; or remove it while the gateway is stopped, and it begins with what happens then')
    }
    return JSON.parse(positions)
  }

  async write (positions: Positions): Promise<void> {
    const text = JSON.stringify(positions)
    await replaceFile(this.#path, `${text}\n${crc32(text)}\n`).catch(error => {
      throw this.#problem(`cannot be written${fileProblem(error)}`, error)
    })
  }

  #problem (what: string, cause?: unknown): GatewayError {
    return new GatewayError('unavailable', `up to where events were delivered: ${this.#path} ${what}`, { cause })
  }
}
