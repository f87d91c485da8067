import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Server as TlsServer } from 'node:tls'
import type { Socket } from 'node:net'
import { GatewayError } from '../errors.js'
import { Connection, connectionOf, type Traffic } from './connection.js'
import { failureOfParser } from './failure.js'

const NO_TUNNEL = new GatewayError('unimplemented', 'CONNECT is not possible here')

/** Serves `traffic` on the connections of `server`. */
export function serveConnections (server: Server, traffic: Traffic): Server {
  const accept = (request: IncomingMessage, response: ServerResponse) => connectionOf(request.socket)?.accept(response)
  server.on('request', accept)
  // Whether a body is asked for is known when it is read.
  server.on('checkContinue', accept)
  // Node would answer an expectation that it does not know with 417 and no body; it may as well be ignored (RFC 9110 §10.1.1).
  server.on('checkExpectation', accept)
  // Node has let go of the socket, and would destroy it without a listener, whatever is still to be answered on it.
  server.on('connect', (_request, socket: Socket) => {
    socket.on('error', () => {}).resume()
    connectionOf(socket)?.end(NO_TUNNEL)
  })
  // Behind Node's own listener, which has made the parser.
  server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => { Connection.open(socket, traffic) })
  // A client may close its side when it has sent all, and still read. (Node's types lack this field.)
  Object.assign(server, { httpAllowHalfOpen: true })
  server.on('clientError', (error: Error & { code?: string }, socket: Socket) => {
    const connection = connectionOf(socket)
    // Where the client has gone away there is nobody to answer.
    if (error.code === 'ECONNRESET' || connection === undefined) socket.destroy()
    else connection.end(failureOfParser(error.code))
  })
  return server
}
