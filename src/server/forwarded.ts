// A pair of RFC 7239 and what ends it. A value may have what belongs into quotes and often comes without: brackets, colons.
const PAIR = /[ \t]*(?:([!#$%&'*+.^_`|~\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;\\]*))[ \t]*)?([,;]|$)/gy

/**
 * The `for` of each hop in a `Forwarded` header (RFC 7239), empty where a hop has none or more than one. A header that
 * does not keep to the grammar has no hops at all: a client may have begun it so as to hide where a proxy's part begins.
 */
export function forwardedFor (header: string): string[] {
  const hops: string[] = []
  let hop: string[] = []
  PAIR.lastIndex = 0
  for (;;) {
    const match = PAIR.exec(header)
    if (match === null) return []
    const [, name, quoted, token = '', end] = match
    if (name?.toLowerCase() === 'for') hop.push(quoted?.replaceAll(/\\(.)/gs, '$1') ?? token)
    if (end === ';') continue
    hops.push(hop.length === 1 ? hop[0]! : '')
    if (end === '') return hops
    hop = []
  }
}
