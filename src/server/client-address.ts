import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { bareAddress, inNetworks } from '../auth/address.js'
import { forwardedFor } from './forwarded.js'

/** The part of a request that says where it comes from. */
type Asked = Pick<IncomingMessage, 'headers'> & { readonly socket: Pick<IncomingMessage['socket'], 'remoteAddress'> }

/**
 * Finds the bare address of the client, empty where the connection has none any more. It is the address of the
 * connection, or where that is one of `trustedProxies` the last one that such a proxy did not add for another: it
 * says so in `X-Forwarded-For`, or in `Forwarded` where there is no `X-Forwarded-For`. Where a proxy says what is no address,
 * its own counts.
 */
export function clientAddresses (trustedProxies: readonly string[]): (asked: Asked) => string {
  const isTrusted = inNetworks(trustedProxies)
  return asked => {
    const connected = bareAddress(asked.socket.remoteAddress ?? '') ?? ''
    return isTrusted(connected) ? forwarded(asked, connected, isTrusted) : connected
  }
}

/** Makes `request.ip` what `addressOf` finds. Call it before the routes are added. */
export function findClientAddress (app: FastifyInstance, addressOf: (asked: Asked) => string): void {
  app.decorateRequest('ip', {
    getter (this: FastifyRequest) { return addressOf(this.raw) }
  })
}

function forwarded ({ headers }: Asked, connected: string, isTrusted: (address: string) => boolean): string {
  const xForwardedFor = headers['x-forwarded-for']
  const hops = xForwardedFor === undefined ? forwardedFor(headers.forwarded ?? '') : String(xForwardedFor).split(',')
  let nearest = connected
  for (const hop of hops.reverse()) {
    const address = addressIn(hop)
    if (address === undefined) break
    nearest = address
    if (!isTrusted(address)) break
  }
  return nearest
}

// An address with a port behind it, or a name for one (RFC 7239, 6.2). Of an IPv6 address that is in brackets.
const WITH_PORT = /^(?:\[([^\]]*)\]|([\d.]+))(?::[\w.-]*)?$/

/** The bare address in one hop of a forwarding header: perhaps quoted, in brackets, with a port. */
function addressIn (hop: string): string | undefined {
  const node = hop.trim().replace(/^"(.*)"$/s, '$1').trim()
  const [, bracketed, plain] = WITH_PORT.exec(node) ?? []
  return bareAddress(bracketed ?? plain ?? node)
}
