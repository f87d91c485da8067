import { randomBytes } from 'node:crypto'
import type { FastifyInstance, preHandlerHookHandler } from 'fastify'
import type { OpenAPIV3 } from 'openapi-types'
import { REQUEST_EXAMPLE } from './openapi-parts.js'

/** Stands for what is new in each load: four random bytes, and nowhere else in the document. */
const FRESH = '00f2e5b0'
const PATHS = new Set(['/docs/json', '/docs/yaml'])

/** The document for one load of the page: calls go where the page came from, and its example conflicts with no earlier one. */
export function forThisPage (document: Partial<OpenAPIV3.Document>): object {
  const name = `${REQUEST_EXAMPLE.metadata.name} ${FRESH}`
  for (const item of Object.values(document.paths ?? {})) {
    const body = item?.post?.requestBody
    if (body === undefined || !('content' in body)) continue
    body.content['application/json']!.example = { ...REQUEST_EXAMPLE, metadata: { ...REQUEST_EXAMPLE.metadata, name } }
  }
  // Without a list of servers there is one: where the document came from.
  return { ...document, servers: undefined }
}

/**
 * Has the documents that the routes of `app` answer rendered once: a later load gets the same bytes, but for the name of
 * its example. The hook that it returns answers them; it must run before their handlers.
 */
export function renderOnce (app: FastifyInstance): preHandlerHookHandler {
  const rendered = new Map<string | undefined, { type: unknown, parts: readonly Buffer[] }>()

  app.addHook('onSend', (request, reply, payload, done) => {
    const { url = '' } = request.routeOptions
    if (reply.statusCode !== 200 || typeof payload !== 'string' || !PATHS.has(url)) return done(null, payload)
    const parts = payload.split(FRESH).map(part => Buffer.from(part))
    rendered.set(url, { type: reply.getHeader('content-type'), parts })
    done(null, fresh(parts))
  })
  return (request, reply, done) => {
    const document = rendered.get(request.routeOptions.url)
    if (document === undefined) done()
    else reply.header('content-type', document.type).send(fresh(document.parts))
  }
}

function fresh (parts: readonly Buffer[]): Buffer {
  const bytes = Buffer.from(randomBytes(FRESH.length / 2).toString('hex'))
  return Buffer.concat(parts.flatMap((part, index) => index === 0 ? [part] : [bytes, part]))
}
