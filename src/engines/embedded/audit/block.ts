import { constants, brotliCompress, brotliDecompress } from 'node:zlib'
import { promisify } from 'node:util'
import { hashOf, lineOf } from '../../../audit/event.js'

const compress = promisify(brotliCompress)
const decompress = promisify(brotliDecompress)

/** Behind which line the lines of a block stand. */
export interface Before {
  readonly sequence: number
  readonly hash: string
}

export interface PackedLine {
  /** Without its newline. */
  readonly bytes: Buffer
  readonly hash: string
  /** Whether it has the hash that it had when it was packed; tells that of all but one of 65,536 that were changed. */
  readonly isAsPacked: boolean
}

// More lines than a block holds, whatever is in them: what is made to unpack into more is none of ours.
const MOST_BYTES = 64 * 1024 * 1024
const CHECK_BYTES = 2
// Of the ratio of 9 almost nothing is missing, at an eighth of the time.
const QUALITY = 6
const LINE = /^\{"sequence":\d+,"previous":"[0-9a-f]{64}",(?:"commit":(\d+),)?"time":"([^"]+)",/

/**
 * Lines of the log, with their newlines, in less than a sixth of their size. Left out is what the lines before tell: a line's number, and
 * the hash of the one before, which does not compress. Two bytes of each line's own hash tell which one was changed. Most of the work is
 * done beside the main thread.
 */
export async function packLines (lines: readonly Buffer[]): Promise<Buffer> {
  let [lastCommit, lastTime] = [0, 0]
  const checks = Buffer.allocUnsafe(lines.length * CHECK_BYTES)
  const texts = lines.map((line, index) => {
    checks.write(checkOf(hashOf(line.subarray(0, -1))), index * CHECK_BYTES, 'hex')
    const text = line.toString()
    const [begin = '', commit, time = ''] = LINE.exec(text) ?? []
    const [sinceCommit, sinceTime] = [commit === undefined ? '' : Number(commit) - lastCommit, Date.parse(time) - lastTime]
    lastCommit = Number(commit ?? lastCommit)
    lastTime += sinceTime
    return `${sinceCommit} ${sinceTime} ${text.slice(begin.length)}`
  })
  const packed = await compress(texts.join(''), {
    params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY, [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT }
  })
  return Buffer.concat([checks, packed])
}

/**
 * The `count` lines behind `before` that `packed` holds, and the hash of the last: that of the line behind, where nothing was changed.
 * @throws where it holds no such lines
 */
export async function unpackLines (packed: Buffer, count: number, before: Before): Promise<{ lines: PackedLine[], hash: string }> {
  const checks = packed.toString('hex', 0, count * CHECK_BYTES)
  const text = (await decompress(packed.subarray(count * CHECK_BYTES), { maxOutputLength: MOST_BYTES })).toString()
  let { sequence, hash } = before
  let [lastCommit, lastTime] = [0, 0]
  const lines = text.split('\n').slice(0, -1).map((line, index) => {
    const [begin, sinceCommit, sinceTime] = /^(-?\d*) (-?\d+) /.exec(line) ?? []
    if (begin === undefined) throw new Error('a block of the audit log holds something else than lines')
    if (sinceCommit !== '') lastCommit += Number(sinceCommit)
    lastTime += Number(sinceTime)
    const description = `"time":"${new Date(lastTime).toISOString()}",${line.slice(begin.length)}`
    const bytes = Buffer.from(lineOf(++sequence, hash, { description, commit: sinceCommit === '' ? undefined : lastCommit }))
    hash = hashOf(bytes)
    return { bytes, hash, isAsPacked: checkOf(hash) === checks.substr(index * 2 * CHECK_BYTES, 2 * CHECK_BYTES) }
  })
  if (lines.length !== count) throw new Error(`a block of the audit log holds ${lines.length} lines in place of ${count}`)
  return { lines, hash }
}

const checkOf = (hash: string) => hash.slice(0, 2 * CHECK_BYTES)
