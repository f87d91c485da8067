import { randomBytes } from 'node:crypto'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import type { OpenAPIV3 } from 'openapi-types'
import { REQUEST_EXAMPLE } from './openapi-examples.js'

/**
 * Swagger UI at `/docs`, whole from this server. Its policy lists what is allowed instead of using the ready-made one,
 * which upgrades requests to https and so leaves a blank page on plain http under any name but localhost. The layout
 * is the one without a top bar: that offers other servers' documents and has an inline style, and both are refused.
 */
export async function docs (app: FastifyInstance): Promise<void> {
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    theme: { title: 'Execution Context Gateway' },
    uiConfig: {
      layout: 'BaseLayout',
      tryItOutEnabled: true,
      persistAuthorization: true,
      deepLinking: true,
      filter: true,
      defaultModelExpandDepth: 3,
      defaultModelsExpandDepth: 0
    },
    staticCSP: {
      'default-src': "'none'",
      'base-uri': "'none'",
      'connect-src': "'self'",
      'form-action': "'none'",
      'frame-ancestors': "'none'",
      'img-src': "'self' data:",
      'script-src': "'self'",
      'style-src': "'self'"
    },
    transformSpecification: document => forThisPage(document as Partial<OpenAPIV3.Document>)
  })
}

/** The document for one load of the page: calls go where the page came from, and its example conflicts with no earlier one. */
function forThisPage (document: Partial<OpenAPIV3.Document>): object {
  const name = `${REQUEST_EXAMPLE.metadata.name} ${randomBytes(4).toString('hex')}`
  for (const item of Object.values(document.paths ?? {})) {
    const body = item?.post?.requestBody
    if (body === undefined || !('content' in body)) continue
    body.content['application/json']!.example = { ...REQUEST_EXAMPLE, metadata: { ...REQUEST_EXAMPLE.metadata, name } }
  }
  // Without a list of servers there is one: where the document came from.
  return { ...document, servers: undefined }
}
