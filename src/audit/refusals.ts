import { GatewayError, invalidArgument } from '../errors.js'

// The answers that every engine gives alike.

export const closed = () =>
  new GatewayError('unavailable', 'the audit log is closed: the gateway is shutting down')

export const unwritable = (cause: unknown) =>
  new GatewayError(
    'unavailable',
    'the audit log cannot be written now, and too much waits for it; try again, and see the log for its reason',
    { cause }
  )

export const unreadable = (cause: unknown) =>
  new GatewayError('unavailable', 'the audit log cannot be read now; try again, and see the log for its reason', { cause })

export const unknownPageToken = () =>
  invalidArgument([{ pointer: '/page_token', detail: 'is not a page token of the audit log; leave it out for the first page' }])
