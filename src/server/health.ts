import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { HealthSchema } from '../../schemas/health.js'
import { ref } from '../../schemas/helpers.js'
import { NEVER_SHED } from './load-shedding.js'

interface Health {
  readonly ready: () => Promise<void>
  /** Refuses who asks too often. */
  readonly limit: (request: FastifyRequest) => Promise<void>
}

/** Whether the gateway is alive, and whether it can do its work: for probes, which have no credentials. */
export const healthRoutes: FastifyPluginAsync<Health> = async (app, { ready, limit }) => {
  app.get('/healthz', {
    config: NEVER_SHED,
    schema: {
      operationId: 'getHealth',
      tags: ['Health'],
      summary: 'Is the gateway alive?',
      description: 'Answers 200 as long as the process can answer at all.',
      security: [],
      'x-problems': [431],
      response: { 200: { description: 'It is alive.', ...ref(HealthSchema) } }
    }
  }, async (_, reply) => reply.header('cache-control', 'no-store').send({ status: 'ok' }))

  app.get('/readyz', {
    // It writes, unlike the other.
    onRequest: limit,
    schema: {
      operationId: 'getReadiness',
      tags: ['Health'],
      summary: 'Can the gateway do its work?',
      description: 'Answers 200 where a change would be durable now: it makes a small one to find out.',
      security: [],
      'x-problems': [429, 431, 503],
      response: { 200: { description: 'It can.', ...ref(HealthSchema) } }
    }
  }, async (_, reply) => {
    await ready()
    return reply.header('cache-control', 'no-store').send({ status: 'ok' })
  })
}
