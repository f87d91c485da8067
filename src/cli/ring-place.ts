import type { KeyObject } from 'node:crypto'
import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { RingFile } from '../engines/embedded/keys/ring-file.js'
import { GatewayError } from '../errors.js'
import { fileProblem } from '../files/file-problem.js'
import { placesIn } from '../config/places.js'
import { POSTGRES_URL } from '../config/values.js'
import { readVariables } from '../config/variables.js'
import { KeyRing } from '../secrets/ring.js'
import type { RingStore } from '../secrets/ring-store.js'
import { loadRootKey } from '../secrets/root-key.js'

export type Environment = Readonly<Record<string, string | undefined>>

interface RingPlace {
  readonly store: RingStore & { rewrap (rootKey: KeyObject): Promise<void> }
  /** For people. */
  readonly name: string
  /** What to set where that is not the place that was meant. */
  readonly setting: string
  /** Must be there for one to be begun. */
  readonly directory?: string
  /** @throws `unavailable` where that cannot be told: then nothing may be made in its place */
  isThere (): Promise<boolean>
}

/** Does `work` with the ring that `environment` names. @throws `not_found` where there is none */
export function withRing<T> (environment: Environment, work: (ring: KeyRing) => Promise<T>): Promise<T> {
  return within(environment, async place => {
    const { name, setting } = place
    // One made in a wrong place would seal nothing.
    if (await place.isThere()) return work(await opened(place))
    throw new GatewayError('not_found', `there is no key ring ${name}: set ${setting}; the gateway makes one when it first starts`)
  })
}

/** Makes the ring that `environment` names. @throws `already_exists`, and `not_found` where there is no place for it */
export function withNewRing<T> (environment: Environment, work: (ring: KeyRing) => Promise<T>): Promise<T> {
  return within(environment, async place => {
    const { name, setting, directory } = place
    if (await place.isThere()) {
      throw new GatewayError('already_exists', `there is a key ring ${name}; a new key for it comes with: npm run keys -- rotate`)
    }
    if (directory !== undefined && !isThere(directory)) {
      throw new GatewayError('not_found', `there is no directory ${directory}: set ${setting}`)
    }
    return work(await opened(place))
  })
}

/** Wraps the ring that `environment` names by its root key. @throws `invalid_argument` where there is none, or nothing to wrap */
export async function wrapRing (environment: Environment): Promise<string> {
  const { values } = readVariables(environment)
  const rootKey = loadRootKey(values)
  if (rootKey === undefined) throw new GatewayError('invalid_argument', 'set ECTX_ROOT_KEY_FILE: its key is what wraps the ring')
  if (POSTGRES_URL.test(values.ECTX_STORE)) throw new GatewayError('invalid_argument', 'in a database the ring is always wrapped')
  const file = placesIn(values.ECTX_DATA_DIR, values.ECTX_KEYRING_FILE).keyRing
  await new RingFile(file, rootKey).wrap()
  return `wrapped ${file}\n`
}

/** Has `rootKey` wrap the ring that `environment` names, which the root key of before opens. @throws `not_found` where there is none */
export function rewrapRing (environment: Environment, rootKey: KeyObject): Promise<string> {
  return within(environment, async ({ name, setting, store, isThere }) => {
    if (!await isThere()) throw new GatewayError('not_found', `there is no key ring ${name}: set ${setting}`)
    await store.rewrap(rootKey)
    return `wrapped ${name}: start the gateways with the new root key\n`
  })
}

async function within<T> (environment: Environment, work: (place: RingPlace) => Promise<T>): Promise<T> {
  const { values } = readVariables(environment)
  const rootKey = loadRootKey(values)
  if (POSTGRES_URL.test(values.ECTX_STORE)) {
    const [{ withLink }, { PostgresRing }] = await Promise.all([
      import('../engines/postgres/with-link.js'), import('../engines/postgres/postgres-ring.js')
    ])
    return withLink(values.ECTX_STORE, (link, schema) => {
      const store = new PostgresRing(link, link, rootKey)
      return work({
        store, name: `in the schema ${schema}`, setting: 'ECTX_STORE', isThere: async () => await store.read() !== undefined
      })
    })
  }
  const file = placesIn(values.ECTX_DATA_DIR, values.ECTX_KEYRING_FILE).keyRing
  return work({
    store: new RingFile(file, rootKey),
    name: file,
    setting: 'ECTX_KEYRING_FILE or ECTX_DATA_DIR',
    directory: dirname(file),
    isThere: async () => isThere(file)
  })
}

function isThere (path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined
  } catch (cause) {
    throw new GatewayError('unavailable', `${path} cannot be looked at${fileProblem(cause)}`, { cause })
  }
}

async function opened ({ store }: RingPlace): Promise<KeyRing> {
  const ring = await KeyRing.open({ store })
  if (ring.problem !== undefined) throw new GatewayError('unavailable', ring.problem)
  return ring
}
