import { Type } from '@sinclair/typebox'
import fastify from 'fastify'

// node bare.js <answer>: what the gateway is measured against: Fastify alone, in the same shape. It parses and
// validates, with Fastify's own Ajv, the same body by a schema like ours, and always answers the same text; it stores
// and logs nothing.

const Text = Type.String({ minLength: 1, maxLength: 253 })
const BodySchema = Type.Object({
  metadata: Type.Object({
    name: Type.String({ maxLength: 1024 }),
    labels: Type.Optional(Type.Record(Type.String(), Text)),
    tags: Type.Optional(Type.Array(Text, { maxItems: 64 }))
  }, { additionalProperties: false }),
  spec: Type.Object({
    execution_id: Text,
    data: Type.Record(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_.-]{0,252}$' }), Type.Object({
      value: Type.String({ minLength: 1, maxLength: 65_536 }),
      is_secret: Type.Optional(Type.Boolean())
    }, { additionalProperties: false }), { maxProperties: 1000 })
  }, { additionalProperties: false })
}, { additionalProperties: false })

const PATH = '/v1/execution-contexts'
const JSON_TYPE = 'application/json; charset=utf-8'
const [, , answer] = process.argv
const app = fastify()
app.post(PATH, { schema: { body: BodySchema } }, async (_, reply) => reply.code(201).type(JSON_TYPE).send(answer))
app.get(`${PATH}/:id`, async (_, reply) => reply.type(JSON_TYPE).send(answer))
app.delete(`${PATH}/:id`, async (_, reply) => reply.type(JSON_TYPE).send(answer))

const address = await app.listen({ host: '127.0.0.1', port: 0 })
process.stdout.write(`${JSON.stringify({ msg: 'ready', address })}\n`)
process.once('SIGTERM', () => process.exit(0))
