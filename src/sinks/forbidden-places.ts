import { lookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import { bareAddress, inNetworks } from '../auth/address.js'
import { GatewayError } from '../errors.js'

// Who may have something sent there may get the credentials of the machine. All that is link-local is there too.
const isMetadataAddress = inNetworks([
  '169.254.0.0/16', 'fe80::/10', 'fd00:ec2::/32', 'fd20:ce::/32', '100.100.100.200', '168.63.129.16', '192.0.0.192'
])
const NAMES = new Set(['metadata', 'metadata.google.internal', 'metadata.goog', 'instance-data', 'instance-data.ec2.internal'])

/** Whether a name or an address is that of a cloud's metadata service, however it is written. */
export function isMetadataService (host: string): boolean {
  const address = bareAddress(host.replace(/^\[|\]$/g, ''))
  return address === undefined
    ? NAMES.has(host.toLowerCase().replace(/\.+$/, ''))
    : [address, ...embedded(address)].some(isMetadataAddress)
}

/** The IPv4 addresses that an IPv6 one may lead to: of NAT64, of 6to4, and those that were once written so. */
function embedded (address: string): string[] {
  if (!ipaddr.IPv6.isValid(address)) return []
  const { parts } = ipaddr.IPv6.parse(address)
  return [parts.slice(6), parts.slice(1, 3)].map(([high = 0, low = 0]) => [high >> 8, high & 255, low >> 8, low & 255].join('.'))
}

/** Looks a name up once, for the connection that is made then; it fails where any of its addresses is not allowed. */
export const lookupOf = (isAllowed: (address: string) => boolean, resolve: typeof lookup = lookup): LookupFunction =>
  (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? []
      if (error !== null || first === undefined) return callback(error ?? forbidden(), '')
      if (!addresses.every(({ address }) => isAllowed(address))) return callback(forbidden(), '')
      if (options.all === true) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
  }

const forbidden = () => new GatewayError('unavailable', 'the name leads to an address that no events are sent to')
