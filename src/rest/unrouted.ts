import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { GatewayError } from '../errors.js'
import { HttpFailure } from '../server/failure.js'
import { pathOf } from '../server/transport.js'

/**
 * Refuses with 405 and `Allow` where the path exists for other methods, and with 404 where it does not: Fastify would say 404
 * to both. Does so before the body is read, and where `limit` does not refuse. Call it before the routes are added.
 */
export function refuseUnrouted (app: FastifyInstance, limit: (request: FastifyRequest) => Promise<void>): void {
  const methods = new Map<string, Set<string>>()
  const patterns = new Map<string, RegExp>()

  app.addHook('onRoute', ({ url, method }) => {
    // Of a path that is also served with a slash at its end, only the HEAD is told here.
    if (url.endsWith('/')) return
    const known = methods.get(url) ?? new Set()
    methods.set(url, known)
    for (const name of [method].flat()) known.add(name)
    if (url.includes(':')) patterns.set(url, new RegExp(`^${url.replace(/:\w+/g, '[^/]+')}$`))
  })

  const refuse = (request: FastifyRequest, reply: FastifyReply): never => {
    const path = pathOf(request.url)
    const url = methods.has(path) ? path : [...patterns].find(([, pattern]) => pattern.test(path))?.[0]
    if (url === undefined) throw new GatewayError('not_found', 'there is nothing at this path; /docs lists what there is')
    const allowed = [...methods.get(url) ?? []].sort().join(', ')
    reply.header('allow', allowed)
    throw new HttpFailure(405, 'unimplemented', `${request.method} is not possible here; use ${allowed}`)
  }

  app.addHook('onRequest', (request, reply, done) => {
    // A path of its own that also looks like an id (`…/apply`) must not be taken for one.
    const own = methods.get(pathOf(request.url))
    if (request.is404 || (own !== undefined && !own.has(request.method))) limit(request).then(() => refuse(request, reply)).catch(done)
    else done()
  })
  app.setNotFoundHandler(refuse)
}
