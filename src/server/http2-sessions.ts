import { constants, type Http2Server, type ServerHttp2Session } from 'node:http2'
import { systemClock } from '../clock.js'
import type { Limits } from './listener.js'

/** As HTTP/1.1 has it here. */
const MOST_HEADER_BYTES = 16 * 1024
/** One each few seconds keeps alive what is not closed for idleness first. */
const MOST_PINGS = 100
/**
 * Calls that a client gives up, at once and a second. Below what Node's HTTP/2 takes (1,000 and 33): beyond that it ends the
 * session in a way by which clients take calls that were done for calls that were not, and make them again. It has up to 64 KiB
 * of frames in hand, some 500 of such calls, before it lets others have a word.
 */
const MOST_RESETS = 300
const RESETS_A_SECOND = 30

/**
 * Bounds what the sessions of `http2` may ask for beside calls: headers, pings with no call between them, and calls that are given up.
 * One that does not begin within `headersTimeout` ends.
 */
export function limitSessions (http2: Http2Server, { headersTimeout }: Pick<Limits, 'headersTimeout'>): void {
  http2.on('session', (session: ServerHttp2Session) => {
    session.settings({ maxHeaderListSize: MOST_HEADER_BYTES })
    const begun = setTimeout(() => session.destroy(), headersTimeout).unref()
    session.once('remoteSettings', () => clearTimeout(begun)).once('close', () => clearTimeout(begun))
    let pings = 0
    let resets = { left: MOST_RESETS, at: systemClock.monotonic() }
    session.on('stream', stream => {
      pings = 0
      stream.once('close', () => {
        if (stream.rstCode === constants.NGHTTP2_NO_ERROR) return
        const at = systemClock.monotonic()
        resets = { left: Math.min(MOST_RESETS, resets.left + (at - resets.at) / 1000 * RESETS_A_SECOND) - 1, at }
        // What runs on it ends, and the client opens another.
        if (resets.left < 0 && !session.closed) session.close()
      })
    })
    session.on('ping', () => {
      if (++pings <= MOST_PINGS) return
      session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, Buffer.from('too_many_pings'))
      session.destroy()
    })
  })
}
