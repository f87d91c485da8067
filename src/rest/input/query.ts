import type { FastifyInstance } from 'fastify'
import { invalidArgument, jsonPointer, type Violation } from '../../errors.js'

/** Refuses parameters whose percent signs do not spell UTF-8: Fastify's parser takes them as they stand, for a value that nobody meant. */
export function refuseMalformedQueries (app: FastifyInstance): void {
  app.addHook('preValidation', ({ url }, _reply, done) => {
    const start = url.indexOf('?')
    const violations = start !== -1 && url.includes('%', start) ? malformed(url.slice(start + 1)) : []
    done(violations.length === 0 ? undefined : invalidArgument(violations))
  })
}

const malformed = (query: string): Violation[] => query.split('&').filter(pair => decoded(pair) === undefined).map(pair => {
  const [name = ''] = pair.split('=')
  return {
    pointer: jsonPointer([decoded(name) ?? name]),
    detail: 'has a percent sign that begins no UTF-8 character; write a percent sign itself as %25'
  }
})

function decoded (text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
