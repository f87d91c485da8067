import { constants, type Http2Server, type ServerHttp2Session } from 'node:http2'

/** As HTTP/1.1 has it here. */
const MOST_HEADER_BYTES = 16 * 1024
/** One each few seconds keeps alive what is not closed for idleness first. */
const MOST_PINGS = 100

/** Bounds what the sessions of `http2` may ask for beside calls: headers, and pings with no call between them. */
export function limitSessions (http2: Http2Server): void {
  http2.on('session', (session: ServerHttp2Session) => {
    session.settings({ maxHeaderListSize: MOST_HEADER_BYTES })
    let pings = 0
    session.on('stream', () => { pings = 0 })
    session.on('ping', () => {
      if (++pings <= MOST_PINGS) return
      session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, Buffer.from('too_many_pings'))
      session.destroy()
    })
  })
}
