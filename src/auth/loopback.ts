import { bareAddress } from './address.js'

/** Whether `host`, a name or an address, can be reached from this machine only. */
export function isLoopback (host: string): boolean {
  const address = bareAddress(host)
  return address === undefined ? host === 'localhost' : address === '::1' || address.startsWith('127.')
}
