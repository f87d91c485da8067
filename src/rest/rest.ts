import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import type { Operations } from '../kinds/operations.js'
import type { Bodies } from '../server/bodies.js'
import type { Edge, Transport } from '../server/transport.js'
import { docs } from './document/docs.js'
import { documentOptions, sharedSchemas } from './document/openapi.js'
import { parseBodies } from './input/body-parser.js'
import { refuseMalformedQueries } from './input/query.js'
import { createValidatorCompiler } from './input/validation.js'
import { refuse } from './problem.js'
import { auditRoutes } from './routes/audit-events.js'
import { eventRoutes } from './routes/events.js'
import { executionContextListRoutes } from './routes/execution-context-lists.js'
import { executionContextRunRoutes } from './routes/execution-context-runs.js'
import { executionContextRoutes } from './routes/execution-contexts.js'
import { home } from './routes/home.js'
import { refuseUnrouted } from './unrouted.js'

/** REST: translates HTTP with JSON to `operations`, and back. */
export const createRest = (operations: Operations, bodies: Bodies): Transport => ({
  owns: () => true,
  refuse,

  async register (app: FastifyInstance, edge: Edge): Promise<void> {
    app.setValidatorCompiler(createValidatorCompiler(sharedSchemas))
    // Answers are sent as they are stored; the response schemas are for the document alone.
    app.setSerializerCompiler(() => JSON.stringify)
    for (const schema of sharedSchemas) app.addSchema(schema)
    parseBodies(app, bodies)
    refuseUnrouted(app, edge.limitAnonymous)

    await app.register(swagger, documentOptions)
    await app.register(async open => {
      open.addHook('onRequest', edge.limitAnonymous)
      await open.register(docs)
      await open.register(home)
    })
    await app.register(async v1 => {
      edge.protect(v1)
      refuseMalformedQueries(v1)
      for (const routes of [executionContextRoutes, executionContextListRoutes, executionContextRunRoutes]) {
        await v1.register(routes, { operations: operations.executionContexts })
      }
      await v1.register(auditRoutes, { operations: operations.auditEvents })
      await v1.register(eventRoutes, { operations: operations.events, edge })
    })
  }
})
