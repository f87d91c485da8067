import { create, fromJson } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { encodeTime } from 'ulid'
import { API_VERSION, KIND } from '../../schemas/execution-context.js'
import { executionContextKind as kind } from '../../src/kinds/execution-context/kind.js'
import { ExecutionContextSchema } from '../../src/gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { ApiResourceMetadataVersionSchema } from '../../src/gen/ai/stigmer/commons/apiresource/metadata_pb.js'
import { ApiResourceAuditInfoSchema, ApiResourceAuditSchema } from '../../src/gen/ai/stigmer/commons/apiresource/status_pb.js'
import { sealResource } from '../../src/resource/answer.js'
import { VERSION_PREFIX } from '../../src/resource/ulid.js'
import type { Vault } from '../../src/secrets/vault.js'
import type { StoredRecord } from '../../src/storage/store.js'

// Context number n, the same in every process: so that the load knows what the filling stored.

const FIRST_MADE = Date.UTC(2026, 0, 1)
const madeAt = (n: number) => FIRST_MADE + n
/**
 * Hexadecimal digits that look random, as slugs, tokens and checksums do, eight for each word; the first word alone
 * tells every number from every other. (The mixing function of splitmix32, which takes the load less time than a hash.)
 */
function noise (n: number): (words: number) => string {
  let state = n
  return words => {
    let digits = ''
    for (; words > 0; words--) {
      state = (state + 0x9e3779b9) | 0
      let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
      digits += ((mixed ^ (mixed >>> 15)) >>> 0).toString(16).padStart(8, '0')
    }
    return digits
  }
}

export const nameOf = (n: number): string => `Nightly import ${noise(n)(2)}`
export const slugOf = (n: number): string => `nightly-import-${noise(n)(2)}`
export const idOf = (n: number): string => `${kind.idPrefix}${encodeTime(madeAt(n)).toLowerCase()}${noise(n)(2)}`

/** What a client sends to create it. */
export const requestOf = (n: number): string => JSON.stringify(inputOf(n))

/** Ten values, two of them secret. */
function inputOf (n: number) {
  const next = noise(n)
  return {
    metadata: { name: `Nightly import ${next(2)}`, labels: { team: 'data-platform' }, tags: ['nightly'] },
    spec: {
      execution_id: `wfx-${next(3)}`,
      data: {
        REGION: { value: 'eu-central-1' },
        LOG_LEVEL: { value: 'info' },
        MAX_PARALLEL: { value: '16' },
        SOURCE_URL: { value: `https://warehouse.example.com/exports/${next(2)}/orders.parquet` },
        TARGET_URL: { value: `s3://landing-zone/orders/run=${next(2)}/` },
        CALLBACK_URL: { value: `https://engine.example.com/callbacks/${next(3)}` },
        DATABASE_URL: { value: 'postgresql://importer@db.example.com:5432/warehouse' },
        CHECKSUM: { value: `sha256:${next(8)}` },
        API_TOKEN: { value: `tok_${next(5)}`, is_secret: true },
        DATABASE_PASSWORD: { value: next(4), is_secret: true }
      }
    }
  }
}

/** The record that the gateway with `vault` would store for it now, to live for so many milliseconds. */
export async function recordOf (n: number, vault: Vault, ttlMs = 86_400_000): Promise<StoredRecord> {
  const at = timestampFromMs(madeAt(n))
  const info = create(ApiResourceAuditInfoSchema, { createdBy: { id: 'system' }, createdAt: at, updatedBy: { id: 'system' }, updatedAt: at, event: 'created' })
  const input = fromJson(ExecutionContextSchema, { api_version: API_VERSION, kind: KIND, ...inputOf(n) })
  const resource = kind.build(input, {
    id: idOf(n),
    slug: slugOf(n),
    version: create(ApiResourceMetadataVersionSchema, { id: `${VERSION_PREFIX}${idOf(n).slice(kind.idPrefix.length)}` }),
    audit: create(ApiResourceAuditSchema, { specAudit: info, statusAudit: info }),
    createTime: Date.now()
  }, { ttlMs })
  return (await sealResource(vault, kind, resource, { runToken: undefined }, 'redacted')).record
}
