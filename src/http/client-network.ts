import { isIPv6 } from 'node:net'

/** Who has `address`, as far as can be told: an IPv4 address by itself, and of IPv6 the /64 network, any address of which one client may take. */
export function clientNetwork (address: string): string {
  if (!isIPv6(address) || address.includes('.')) return address.replace(/^::ffff:/i, '')
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const behind = tail === '' ? [] : tail.split(':')
    groups.push(...Array(8 - groups.length - behind.length).fill('0'), ...behind)
  }
  return `${groups.slice(0, 4).map(group => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}
