import { isIP } from 'node:net'

/** Whether `host`, a name or an address, can be reached from this machine only. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^::ffff:127\./.test(host) || (isIP(host) === 4 && host.startsWith('127.'))
