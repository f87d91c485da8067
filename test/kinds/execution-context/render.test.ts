import { create, fromJsonString, toJson } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import fc from 'fast-check'
import t from 'tap'
import { render } from '../../../src/kinds/execution-context/render.js'
import { hidesSecrets, reveal } from '../../../src/resource/hidden.js'
import { ExecutionContextSchema } from '../../../src/gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { ApiResourceOwnerScope } from '../../../src/gen/ai/stigmer/commons/apiresource/metadata_pb.js'

const text = fc.oneof(fc.constant(''), fc.string({ unit: 'binary', maxLength: 12 }).map(value => value.toWellFormed()))
// Some look like what stands for a secret.
const value = fc.oneof(fc.constantFrom('{"is_secret":true}', '"}', '{\\"is_secret\\":true}'), text.filter(text => text !== ''))
const key = fc.oneof(fc.constant('is_secret'), fc.constantFrom('A', '1', 'toString', '2'), text)
const actor = fc.record({ id: text, avatar: text })
const at = fc.integer({ min: 0, max: 4_000_000_000_000 }).map(timestampFromMs)
const info = fc.record({ createdBy: actor, createdAt: at, updatedBy: actor, updatedAt: at, event: text }, { requiredKeys: [] })
const resource = fc.record({
  apiVersion: text,
  kind: text,
  metadata: fc.record({
    name: text,
    slug: text,
    id: text,
    org: text,
    ownerScope: fc.constantFrom(...Object.values(ApiResourceOwnerScope).filter(value => typeof value === 'number')),
    labels: fc.dictionary(key, text, { maxKeys: 4, noNullPrototype: true }),
    annotations: fc.dictionary(key, text, { maxKeys: 4, noNullPrototype: true }),
    tags: fc.array(text, { maxLength: 4 }),
    version: fc.option(fc.record({ id: text, message: text, previousVersionId: text }), { nil: undefined })
  }),
  spec: fc.record({
    executionId: fc.string({ minLength: 1 }).map(id => id.toWellFormed()),
    data: fc.dictionary(key, fc.record({ value, isSecret: fc.boolean() }), { maxKeys: 5, noNullPrototype: true })
  }),
  status: fc.record({ audit: fc.record({ specAudit: info, statusAudit: info }, { requiredKeys: [] }) })
}).map(fields => create(ExecutionContextSchema, fields))

/** protobuf leaves out the fraction of a whole second. */
const withSameInstants = (json: object) => JSON.parse(JSON.stringify(json, (name, value) => name.endsWith('_at') ? Date.parse(value) : value))

t.test('the full view is what protobuf makes of the whole resource, and says is_secret always', async t => {
  const token = fc.option(fc.string({ minLength: 1 }).map(token => token.toWellFormed()), { nil: undefined })
  fc.assert(fc.property(resource, token, (context, runToken) => {
    const { redacted, secrets } = render(context, runToken)
    const full = reveal(redacted, secrets)
    const whole = create(ExecutionContextSchema, { ...context, status: { ...context.status!, runToken: runToken ?? '' } })
    t.strictSame(fromJsonString(ExecutionContextSchema, full), whole)
    const theirs = toJson(ExecutionContextSchema, whole, { useProtoFieldName: true }) as any
    for (const entry of Object.values<any>(theirs.spec.data ?? {})) entry.is_secret ??= false
    t.same(withSameInstants(JSON.parse(full)), withSameInstants(theirs))
  }))
})

t.test('the redacted view is the full one without the values of secrets', async t => {
  fc.assert(fc.property(resource, context => {
    const { redacted, secrets } = render(context)
    const expected = JSON.parse(reveal(redacted, secrets))
    for (const entry of Object.values<any>(expected.spec.data ?? {})) if (entry.is_secret) delete entry.value
    t.strictSame(JSON.parse(redacted), expected)
    const hidden = Object.entries(context.spec!.data).filter(([, { isSecret }]) => isSecret)
    t.strictSame(secrets, Object.fromEntries(hidden.map(([name, { value }]) => [name, value])))
    t.equal(hidesSecrets(redacted), hidden.length > 0)
    t.strictSame(JSON.parse(JSON.stringify(secrets)), secrets)
    t.throws(() => reveal(redacted, { ...secrets, OneMore: '' }))
  }))
})
