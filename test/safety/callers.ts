import { generateKeyPairSync, hash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportJWK, SignJWT } from 'jose'
import type { Test } from 'tap'
import { bearer, OPERATOR, VIEWER } from '../support/callers.js'
import { newDataDir } from '../support/data-dir.js'

/** A context, and the run token that is for it. */
export interface Run {
  readonly id: string
  readonly slug: string
  readonly token: string
}

const now = Math.floor(Date.now() / 1000)
const EXPIRED = `ectx_${'e'.repeat(43)}`
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwk = { ...await exportJWK(publicKey), kid: 'one' }
const jwt = (claims: object) => new SignJWT({ iss: 'https://issuer.test', aud: 'ectx', exp: now + 3600, ...claims }).setProtectedHeader({ alg: 'ES256', kid: 'one' }).sign(privateKey)
const JWT = {
  operator: await jwt({ sub: 'ci:operator', role: 'operator' }),
  viewer: await jwt({ sub: 'ci:viewer', role: 'viewer' }),
  nobody: await jwt({ sub: 'ci:nobody', role: 'admin' }),
  foreign: await jwt({ sub: 'ci:operator', role: 'operator', aud: 'other' }),
  expired: await jwt({ sub: 'ci:operator', role: 'operator', exp: now - 3600 })
}

export interface Caller {
  readonly headers?: Record<string, string>
  readonly remoteAddress?: string
  readonly isFar?: true
  /** As audit blocks name it. */
  readonly name?: string
}
const anothersId = ({ token }: Run, other: Run) => token.replace(/exec-[^_]+/, other.id)

/** How each caller of the matrix calls. */
export const CALLERS: Readonly<Record<string, (own: Run, other: Run) => Caller>> = {
  'open: on this machine': () => ({ name: 'system' }),
  'open: on this machine, by IPv6': () => ({ remoteAddress: '::1', headers: { host: '[::1]:8080' }, name: 'system' }),
  'open: of another address': () => ({ isFar: true }),
  'open: by another host name': () => ({ headers: { host: 'rebound.example:8080' } }),
  'open: X-Forwarded-For': () => ({ headers: { 'x-forwarded-for': '127.0.0.1' } }),
  'open: Forwarded': () => ({ headers: { forwarded: 'for=127.0.0.1' } }),
  'open: token': () => ({ headers: bearer(OPERATOR) }),
  'open: run token': ({ token }) => ({ headers: bearer(token) }),
  'open: run token, of another address': ({ token }) => ({ headers: bearer(token), isFar: true }),
  nothing: () => ({}),
  'nothing, of another address': () => ({ isFar: true }),
  'wrong token': () => ({ headers: bearer(`${OPERATOR.slice(0, -1)}x`) }),
  'token by another scheme': () => ({ headers: { authorization: `Basic ${OPERATOR}` } }),
  'expired token': () => ({ headers: bearer(EXPIRED) }),
  operator: () => ({ headers: bearer(OPERATOR), isFar: true, name: 'runner' }),
  viewer: () => ({ headers: bearer(VIEWER), isFar: true }),
  'JWT operator': () => ({ headers: bearer(JWT.operator), name: 'jwt:ci:operator' }),
  'JWT viewer': () => ({ headers: bearer(JWT.viewer) }),
  'JWT without a role': () => ({ headers: bearer(JWT.nobody) }),
  'JWT of another audience': () => ({ headers: bearer(JWT.foreign) }),
  'expired JWT': () => ({ headers: bearer(JWT.expired) }),
  'run token': ({ token }) => ({ headers: bearer(token), isFar: true }),
  'run token of a deleted context': ({ token }) => ({ headers: bearer(token) }),
  "run token with another's id": (own, other) => ({ headers: bearer(anothersId(own, other)) })
}

/** The variables of a gateway that knows OPERATOR, VIEWER, a token that has expired, and the issuer of the JWTs. */
export function closed (t: Test) {
  const directory = newDataDir(t)
  const file = (name: string, content: unknown) => {
    const path = join(directory, name)
    writeFileSync(path, JSON.stringify(content))
    return path
  }
  const entry = (name: string, token: string, role: string, more = {}) => ({ name, sha256: hash('sha256', token), role, ...more })
  return {
    ECTX_TOKENS_FILE: file('tokens.json', [entry('runner', OPERATOR, 'operator'), entry('auditor', VIEWER, 'viewer'), entry('leaver', EXPIRED, 'operator', { expires_at: '2020-01-01T00:00:00Z' })]),
    ECTX_JWT_ISSUER: 'https://issuer.test',
    ECTX_JWT_AUDIENCE: 'ectx',
    ECTX_JWT_JWKS: file('jwks.json', { keys: [jwk] })
  }
}
