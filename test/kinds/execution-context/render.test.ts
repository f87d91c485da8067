import { create, fromJsonString, toJson } from '@bufbuild/protobuf'
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt'
import fc from 'fast-check'
import t from 'tap'
import { render } from '../../../src/kinds/execution-context/render.js'
import { auditJson } from '../../../src/resource/metadata-json.js'
import type { ApiResourceAudit } from '../../../src/gen/ai/stigmer/commons/apiresource/status_pb.js'
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
    data: fc.dictionary(key, fc.record({ value, isSecret: fc.boolean() }), { maxKeys: 5, noNullPrototype: true }),
    ttl: fc.option(fc.nat().map(durationFromMs), { nil: undefined })
  }),
  status: fc.record({ audit: fc.record({ specAudit: info, statusAudit: info }, { requiredKeys: [] }) })
}).map(fields => create(ExecutionContextSchema, fields))

/** protobuf leaves out the fraction of a whole second. */
const withSameInstants = (json: object) => JSON.parse(JSON.stringify(json, (name, value) => name.endsWith('_at') ? Date.parse(value) : value))

/** `json` with the status of `context`, as answers have it. */
const withStatus = (json: string, { status }: { status?: { audit?: ApiResourceAudit } }) =>
  JSON.stringify({ ...JSON.parse(json), status: { audit: auditJson(status!.audit!) } })

t.test('the full view is what protobuf makes of the whole resource, and says is_secret always', async t => {
  fc.assert(fc.property(resource, context => {
    const { json, secrets } = render(context)
    const full = withStatus(reveal(json, secrets), context)
    t.strictSame(fromJsonString(ExecutionContextSchema, full), context)
    const theirs = toJson(ExecutionContextSchema, context, { useProtoFieldName: true }) as any
    for (const entry of Object.values<any>(theirs.spec.data ?? {})) entry.is_secret ??= false
    t.same(withSameInstants(JSON.parse(full)), withSameInstants(theirs))
  }))
})

t.test('the redacted view is the full one without the values of secrets', async t => {
  fc.assert(fc.property(resource, context => {
    const { json, secrets } = render(context)
    const expected = JSON.parse(reveal(json, secrets))
    for (const entry of Object.values<any>(expected.spec.data ?? {})) if (entry.is_secret) delete entry.value
    t.strictSame(JSON.parse(json), expected)
    const hidden = Object.entries(context.spec!.data).filter(([, { isSecret }]) => isSecret)
    t.strictSame(secrets, Object.fromEntries(hidden.map(([name, { value }]) => [name, value])))
    t.equal(hidesSecrets(json), hidden.length > 0)
    t.strictSame(JSON.parse(JSON.stringify(secrets)), secrets)
    t.throws(() => reveal(json, { ...secrets, OneMore: '' }))
  }))
})
