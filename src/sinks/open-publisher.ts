import type { Clock } from '../clock.js'
import type { Publisher } from '../events/publisher.js'
import { GatewayError } from '../errors.js'
import type { Listeners } from '../files/trouble.js'
import { SigningKeys } from './signing-keys.js'
import { Webhook } from './webhook.js'

export interface Place {
  /** `https://…`, `http://…` of this machine, `nats://…` or `tls://…`. Secret. */
  readonly url: string
  /** What webhooks are signed with. */
  readonly secretFile: string | undefined
  /** What says to NATS who one is. */
  readonly natsCreds: string | undefined
}

/** What publishes to the place. @throws {GatewayError} that says what to do */
export async function openPublisher ({ url, secretFile, natsCreds }: Place, clock: Clock, listeners: Listeners): Promise<Publisher> {
  // Loaded where it is asked for.
  if (/^(nats|tls):/.test(url)) return new (await import('./nats.js')).Nats({ url, creds: natsCreds })
  const keys = secretFile === undefined
    ? undefined
    : named('ECTX_EVENTS_SECRET_FILE', () => new SigningKeys(secretFile, { clock, ...listeners }))
  return named('ECTX_EVENTS_URL', () => new Webhook({ url, keys, clock }))
}

function named<T> (variable: string, open: () => T): T {
  try {
    return open()
  } catch (error) {
    const { code, message } = GatewayError.from(error)
    throw new GatewayError(code, `${variable}: ${message}`, { cause: error })
  }
}
