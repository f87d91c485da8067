import { timestampMs, type Timestamp } from '@bufbuild/protobuf/wkt'
import { step } from '../../pipeline/pipeline.js'
import type { Filter } from '../../storage/store.js'
import { labelAttribute } from './kind.js'

interface Asked {
  readonly executionId: string
  readonly createdBy?: string
  readonly labels?: ReadonlyArray<{ readonly name: string, readonly value: string }>
  readonly expiresBefore?: Timestamp
}

/** Says which contexts the input is about. */
export const buildFilter = step('BuildFilter', ({ input }: { input: Asked }): { filter: Filter } => {
  const { executionId, createdBy = '', labels = [], expiresBefore } = input
  const indexed = [
    { attribute: 'execution_id', value: executionId },
    { attribute: 'created_by', value: createdBy }
  ].filter(({ value }) => value !== '')
  const labelled = labels.map(({ name, value }) => ({ attribute: labelAttribute(name), value }))
  return { filter: { indexed: [...indexed, ...labelled], ...(expiresBefore && { expiresBefore: timestampMs(expiresBefore) }) } }
})
