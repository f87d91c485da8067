import type { StoredRecord } from '../../src/storage/store.js'

export const KIND = 'execution_context'

/** A record whose slug and execution follow from its id, with `changes` laid over it. */
export const newRecord = (id: string, changes: Partial<StoredRecord> = {}): StoredRecord => ({
  kind: KIND,
  id,
  scope: '',
  slug: `slug-${id}`,
  indexed: { execution_id: [`run-${id}`] },
  revision: 1,
  body: Buffer.from(`body of ${id}`),
  ...changes
})

/** `record` with nothing that engines may do differently: the class of its body, and `undefined` for what is absent. */
export const plain = (record: StoredRecord | undefined) => record && {
  ...record,
  slug: record.slug ?? null,
  expireTime: record.expireTime ?? null,
  sealedBy: record.sealedBy ?? null,
  body: Buffer.from(record.body).toString('base64')
}

/** How many of `promises` were fulfilled, and the errors of the others. */
export async function outcomes (promises: Array<Promise<unknown>>) {
  const settled = await Promise.allSettled(promises)
  const refusals = settled.flatMap(({ status, ...rest }) => status === 'rejected' ? [(rest as PromiseRejectedResult).reason] : [])
  return { fulfilled: settled.length - refusals.length, refusals }
}
