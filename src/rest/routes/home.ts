import type { FastifyInstance } from 'fastify'

/** Leads a browser that opens the bare address to the page that explains it. To all others there is nothing. */
export async function home (app: FastifyInstance): Promise<void> {
  app.get('/', { schema: { hide: true } }, (request, reply) => {
    reply.header('vary', 'accept')
    if (/\btext\/html\b/i.test(request.headers.accept ?? '')) reply.redirect('/docs')
    else reply.callNotFound()
  })
}
