import { hash } from 'node:crypto'

// The callers of the benchmark: the gateway is measured with its credentials, its sealing and its audit log at work.

export const OPERATOR = `ectx_${'o'.repeat(43)}`
export const VIEWER = `ectx_${'v'.repeat(43)}`

const entry = (name: string, token: string, role: string) => ({ name, sha256: hash('sha256', token), role })

/** What the tokens file of the gateway holds. */
export const tokensJson = JSON.stringify([entry('runner', OPERATOR, 'operator'), entry('dashboard', VIEWER, 'viewer')])
