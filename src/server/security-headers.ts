import type { IncomingMessage, ServerResponse } from 'node:http'
import helmet from 'helmet'

const ALWAYS = [
  // An answer is data: opened as a page it may load nothing, and be framed by nothing. Swagger UI has its own policy.
  helmet.contentSecurityPolicy({ useDefaults: false, directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] } }),
  helmet.crossOriginResourcePolicy(),
  helmet.referrerPolicy(),
  helmet.noSniff()
]
// Without it browsers ignore them, and complain of the second.
const OVER_TLS = [helmet.strictTransportSecurity({ includeSubDomains: false }), helmet.crossOriginOpenerPolicy()]

/**
 * The headers that every answer has, by their names in lower case. They are the same for all, so helmet is asked once:
 * as a hook it takes as long as a quarter of a get.
 */
export function securityHeaders (overTls: boolean): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {}
  const response = { setHeader (name: string, value: string) { headers[name.toLowerCase()] = value } }
  for (const set of overTls ? [...ALWAYS, ...OVER_TLS] : ALWAYS) set({} as IncomingMessage, response as unknown as ServerResponse, () => {})
  return Object.freeze(headers)
}
