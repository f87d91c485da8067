import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/**
 * The IP address that `text` is, in its one form: without a zone, and an IPv4 address that is written as an IPv6 one is
 * that IPv4 address. `undefined` where it is none.
 */
export function bareAddress (text: string): string | undefined {
  switch (isIP(text)) {
    case 4: return text
    case 6: return ipaddr.process(inHex(text.replace(/%.*$/s, ''))).toString()
    default: return undefined
  }
}

// With a dotted end ipaddr.js takes an address for the IPv4 address there, even one that is no mapped one (`::127.0.0.1`).
const inHex = (text: string) => text.includes('.') ? new URL(`http://[${text}]`).hostname.slice(1, -1) : text

/** What counts as one where an address is counted: of a bare IPv6 address its /64, since one host may have all of that. */
export function networkOf (address: string): string {
  if (isIP(address) !== 6) return address
  return ipaddr.IPv6.networkAddressFromCIDR(`${address}/64`).toString()
}

/** Whether a bare address is in one of `networks`, which are addresses or CIDR blocks. */
export function inNetworks (networks: readonly string[]): (address: string) => boolean {
  const blocks = networks.map(network => blockOf(network))
  return text => {
    if (blocks.length === 0 || !ipaddr.isValid(text)) return false
    const address = ipaddr.parse(text)
    return blocks.some(([start, bits]) => start.kind() === address.kind() && address.match(start, bits))
  }
}

type Block = [start: ipaddr.IPv4 | ipaddr.IPv6, bits: number]

function blockOf (network: string): Block {
  const [start, bits] = ipaddr.parseCIDR(network.includes('/') ? network : `${network}/${isIP(network) === 6 ? 128 : 32}`)
  const isMapped = start instanceof ipaddr.IPv6 && start.isIPv4MappedAddress() && bits >= 96
  return isMapped ? [start.toIPv4Address(), bits - 96] : [start, bits]
}
