import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import type { OpenAPIV3 } from 'openapi-types'
import { forThisPage, renderOnce } from './page-document.js'

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
    transformSpecification: document => forThisPage(document as Partial<OpenAPIV3.Document>),
    uiHooks: { preHandler: renderOnce(app) }
  })
}
