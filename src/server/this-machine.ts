import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { isLoopback } from '../auth/loopback.js'

// Headers that proxies, load balancers and content networks add: by names of their own, and by those that many share.
const FORWARDING = new RegExp(`^(?:${[
  'forwarded', 'via', 'cdn-loop', 'max-forwards', 'front-end-https', 'proxy', '(?:proxy|cf|fly|fastly|akamai|ali)-.+', 'x-forward.*', 'x-proxy.*', 'x-varnish.*',
  'x-(?:original|originating|real|remote|envoy|azure|arr|amzn|appengine)-.+', 'x-cloud-trace-context', 'x-(?:host|scheme|url-scheme|rewrite-url|http-host-override)',
  '(?:.+-)?(?:client|connecting|source|user|visitor)-?(?:ip|addr|address|host|port)'
].join('|')})$`)

// What was found of names: nearly all requests bring the same few.
const found = new Map<string, boolean>()
const MOST_FOUND = 1_000

function isForwarding (name: string): boolean {
  const known = found.get(name)
  if (known !== undefined) return known
  const is = FORWARDING.test(name.replaceAll('_', '-'))
  if (found.size < MOST_FOUND) found.set(name, is)
  return is
}

type Asked = Pick<IncomingMessage, 'socket' | 'headers' | 'rawHeaders' | 'url'>

/**
 * Whether a request was made on this machine and for this gateway, as far as that can be seen: it comes from a loopback
 * address, names this machine as its one host, shows no sign of a proxy, and no web page of another origin made
 * it. Believes no header that says otherwise, whoever sent it.
 */
export function isFromThisMachine ({ socket, headers, rawHeaders, url = '' }: Asked): boolean {
  if (!isLoopback(socket.remoteAddress ?? '') || !hasOneHost(rawHeaders)) return false
  for (const name in headers) if (isForwarding(name)) return false
  const host = headers.host!.toLowerCase()
  const origin = `${(socket as TLSSocket).encrypted ? 'https' : 'http'}://${host}`
  return namesThisMachine(host) && isForHost(url, host) && isFromNoOtherOrigin(headers, origin)
}

function hasOneHost (rawHeaders: readonly string[]): boolean {
  let hosts = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]!.length === 4 && rawHeaders[index]!.toLowerCase() === 'host') hosts++
  }
  return hosts === 1
}

/** Whether the value of a `Host` is a loopback name or address, an IPv6 one in brackets, with a port or without. */
function namesThisMachine (host: string): boolean {
  const [, bracketed, plain] = /^(?:\[([\da-f:.]*)\]|([^:]*))(?::\d*)?$/.exec(host) ?? []
  return isLoopback(bracketed ?? plain ?? '')
}

/** Whether a request's target is a path, or else names `host`: a target that is a whole URL overrides the `Host` (RFC 9112, 3.2.2). */
const isForHost = (target: string, host: string): boolean =>
  target.startsWith('/') || (URL.canParse(target) && new URL(target).host === host)

/** A browser says of what a page asks for where the page came from. What is no page's says nothing. */
function isFromNoOtherOrigin ({ origin, 'sec-fetch-site': site }: IncomingMessage['headers'], own: string): boolean {
  return (origin === undefined || origin.toLowerCase() === own) && (site === undefined || site === 'same-origin' || site === 'none')
}
