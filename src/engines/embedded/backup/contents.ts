import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Type, type Static } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { GatewayError } from '../../../errors.js'
import { isAbsent } from '../../../files/file-problem.js'
import { about } from './copy-file.js'

export const CONTENTS_FILE = 'backup.json'
/** The number of the form of a backup. */
const FORMAT = 1

const count = Type.Integer({ minimum: 0 })
const ContentsSchema = Type.Object({
  format: Type.Literal(FORMAT),
  /** Of the gateway. */
  version: Type.String(),
  time: Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$' }),
  /** How many changes the store had seen. */
  sequence: count,
  records: count,
  /** The number of the last audit event that came along with one of them. */
  audit: count,
  files: Type.Array(Type.Object({
    // Of the directories that a backup has, and none that leads elsewhere.
    path: Type.String({ pattern: '^(?:keyring\\.json|(?:db|audit|shred)/[\\w-][\\w.-]*)$' }),
    size: count,
    sha256: Type.String({ pattern: '^[0-9a-f]{64}$' })
  }, { additionalProperties: false }))
}, { additionalProperties: false })

/** What a backup says of itself. */
export type Contents = Readonly<Static<typeof ContentsSchema>>
export type BackedUpFile = Contents['files'][number]

/** The text of the file that makes a directory a backup. */
export function renderContents (contents: Omit<Contents, 'format'>): string {
  const all: Contents = { format: FORMAT, ...contents }
  return JSON.stringify({ ...all, sha256: checksum(all) }, null, 2) + '\n'
}

/** What the backup in `directory` says of itself; `undefined` where there is none. @throws `failed_precondition` */
export async function readContents (directory: string): Promise<Contents | undefined> {
  const file = join(directory, CONTENTS_FILE)
  const text = await about(file, () => readFile(file, 'utf8')).catch(error => {
    if (isAbsent(error)) return undefined
    throw error
  })
  if (text === undefined) return undefined
  const { sha256, ...contents } = parsed(text)
  if (sha256 !== checksum(contents)) throw refusal(`${file} is damaged: use another backup`)
  if (contents.format !== FORMAT) {
    throw refusal(`the backup is of format ${contents.format}, and this version knows ${FORMAT}: use version ${contents.version}`)
  }
  if (!Value.Check(ContentsSchema, contents)) throw refusal(`${file} is damaged: use another backup`)
  return contents
}

function parsed (text: string): Record<string, unknown> {
  try {
    return { ...JSON.parse(text) }
  } catch {
    return {}
  }
}

const checksum = (contents: object) => createHash('sha256').update(JSON.stringify(contents)).digest('hex')

export const refusal = (message: string) => new GatewayError('failed_precondition', message)
