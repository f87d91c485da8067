import { hash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { newDataDir } from './data-dir.js'

export const OPERATOR = `ectx_${'oPeR4t0r'.repeat(6).slice(0, 43)}`
export const VIEWER = `ectx_${'vI3w3r_x'.repeat(6).slice(0, 43)}`

/** The header that shows `token`. */
export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** The variables of a gateway that knows OPERATOR, called `runner`, and VIEWER, called `auditor`. */
export function withTokens (t: Test): { ECTX_TOKENS_FILE: string } {
  const file = join(newDataDir(t), 'tokens.json')
  const entry = (name: string, token: string, role: string) => ({ name, sha256: hash('sha256', token), role })
  writeFileSync(file, JSON.stringify([entry('runner', OPERATOR, 'operator'), entry('auditor', VIEWER, 'viewer')]))
  return { ECTX_TOKENS_FILE: file }
}
