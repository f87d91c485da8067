import { GatewayError } from '../errors.js'

// The answers that every engine gives alike.

export const idTaken = (id: string) =>
  new GatewayError('already_exists', `the id '${id}' is taken`, { existingId: id })

export const slugTaken = (slug: string, existingId: string) =>
  new GatewayError('already_exists', `the slug '${slug}' is taken by '${existingId}'`, { existingId })

export const staleRevision = (id: string, ...revisions: number[]) =>
  new GatewayError('aborted', `'${id}' is no longer at revision ${revisions.join(' or ')}; read it again and retry`)

export const closed = () =>
  new GatewayError('unavailable', 'the store is closed: the gateway is shutting down')

export const damaged = (id: string, cause?: unknown) =>
  new GatewayError('internal', `the stored record '${id}' is damaged`, { cause })
