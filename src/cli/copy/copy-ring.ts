import { GatewayError } from '../../errors.js'
import type { KeyRow, KeyRows } from '../../secrets/key-row.js'
import type { Side } from './side.js'

/**
 * Gives the target the keys of the source, which its own root key wraps, and answers them.
 * @throws `failed_precondition` where the target has keys of its own, or the source lacks those of its records: nothing is changed
 */
export async function copyRing (from: Side, to: Side): Promise<KeyRows> {
  const rows = await from.readKeys()
  if (rows === undefined) {
    if ((await from.keysInUse()).size === 0) return []
    throw refusal('--from: its key ring is missing, and without it nothing can be revealed: put it back')
  }
  const there = await to.readKeys()
  if (there !== undefined && !there.every(key => rows.some(row => isSame(row, key)))) {
    throw refusal(
      '--to: it has a key ring of its own, which must not be lost: copy into another schema or directory, or remove this one if it holds nothing of worth'
    )
  }
  await to.putKeys(rows, there)
  return rows
}

const isSame = (a: KeyRow, b: KeyRow) => a.id === b.id && (!('material' in a) || !('material' in b) || a.material === b.material)

const refusal = (message: string) => new GatewayError('failed_precondition', message)
