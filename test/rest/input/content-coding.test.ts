import { connect, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import t from 'tap'
import { bearer, OPERATOR, withTokens } from '../../support/callers.js'
import { contextBody, PATH, post, startGateway } from '../../support/gateway.js'
import { assertProblem } from '../../support/problem.js'

const json = JSON.stringify(contextBody())
const REFUSED = ['gzip', 'br', 'deflate', 'compress', 'zstd', 'aws-chunked', 'GZIP', ' gzip ', 'gzip, br', 'identity, gzip', 'gzip, identity', 'identity;q=1', 'x-identity', 'identityx', 'identity identity x', 'utf-8', '*', '"gzip"']

t.test('a body under Content-Encoding is 415, whatever it holds, and nothing is stored', async t => {
  const { app } = await startGateway(t)
  for (const url of [PATH, `${PATH}/apply`]) {
    for (const coding of REFUSED) {
      for (const payload of [json, gzipSync(json), brotliCompressSync(json)]) {
        const response = await app.inject({ method: 'POST', url, headers: { 'content-type': 'application/json', 'content-encoding': coding }, payload })
        const { detail } = assertProblem(t, response, { status: 415, code: 'invalid_argument' }, coding)
        t.equal(detail, 'Content-Encoding names a coding that is not decoded here; send the body plain, without that header')
      }
    }
  }
  for (const method of ['GET', 'DELETE'] as const) {
    assertProblem(t, await app.inject({ method, url: `${PATH}/exec-x`, headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' }, payload: '{}' }), { status: 415, code: 'invalid_argument' }, method)
  }
  t.equal((await app.inject(`${PATH}/by-reference?slug=my-run`)).statusCode, 404)
})

t.test('identity is no coding, and no body has none', async t => {
  const { app } = await startGateway(t)
  for (const [index, coding] of ['identity', 'Identity', '', ' identity , IDENTITY,'].entries()) {
    t.equal((await post(app, contextBody({ metadata: { name: `run ${index}` } }), PATH, { 'content-encoding': coding })).statusCode, 201, coding)
  }
  assertProblem(t, await app.inject({ url: `${PATH}/exec-x`, headers: { 'content-encoding': 'gzip' } }), { status: 404, code: 'not_found' })
  assertProblem(t, await app.inject({ method: 'DELETE', url: `${PATH}/exec-x`, headers: { 'content-encoding': 'gzip', 'content-length': '0' } }), { status: 404, code: 'not_found' })
})

t.test('who may not call learns that first', async t => {
  const { app } = await startGateway(t, undefined, withTokens(t))
  const headers = { 'content-encoding': 'gzip' }
  assertProblem(t, await post(app, json, PATH, { ...headers, ...bearer('wrong') }), { status: 401, code: 'unauthenticated' })
  assertProblem(t, await post(app, json, PATH, { ...headers, ...bearer(OPERATOR) }), { status: 415, code: 'invalid_argument' })
})

t.test('a charset other than UTF-8 is 415', async t => {
  const { app } = await startGateway(t)
  for (const charset of ['utf-16', 'latin1', 'iso-8859-1', 'UTF-16LE', '"utf-16"', '', 'utf-8x', "'utf-8'", 'us-ascii', 'utf-8; charset=latin1']) {
    for (const written of [`; charset=${charset}`, `;x=y;CHARSET=${charset}`, `; charset = ${charset}`]) {
      const { detail } = assertProblem(t, await post(app, json, PATH, { 'content-type': `application/json${written}` }), { status: 415, code: 'invalid_argument' }, written)
      t.equal(detail, 'send the body as Content-Type: application/json, in UTF-8')
    }
  }
  for (const [index, type] of ['application/json;charset=UTF8', 'application/json; charset = "utf-8"', 'application/json; charset=utf-8; charset=UTF-8', 'application/json; profile=x', ' Application/JSON ; Charset="UTF-8" ;'].entries()) {
    t.equal((await post(app, contextBody({ metadata: { name: `charset ${index}` } }), PATH, { 'content-type': type })).statusCode, 201, type)
  }
})

t.test('a transfer coding other than chunked is refused, by a socket too', async t => {
  const { app } = await startGateway(t)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const send = async (method: string, path: string, headers: string) => {
    const socket = connect(port, '127.0.0.1')
    socket.write(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n${headers}\r\n\r\n${json.length.toString(16)}\r\n${json}\r\n0\r\n\r\n`)
    return await text(socket)
  }
  for (const [method, path] of [['POST', PATH], ['POST', `${PATH}/apply`], ['DELETE', `${PATH}/exec-x`], ['GET', `${PATH}/exec-x`], ['GET', '/healthz']] as const) {
    for (const codings of ['gzip, chunked', 'GZIP,chunked', 'deflate, gzip, chunked', 'aws-chunked, chunked', 'identity, chunked']) {
      t.match(await send(method, path, `Transfer-Encoding: ${codings}`), /^HTTP\/1\.1 415 .*"detail":"Transfer-Encoding names a coding/s, `${method} ${path} ${codings}`)
    }
    t.match(await send(method, path, 'Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked'), /^HTTP\/1\.1 415 /, 'as two headers')
    // These Node's own parser refuses.
    for (const codings of ['gzip', 'chunked, gzip', 'chunked, identity', 'x']) t.match(await send(method, path, `Transfer-Encoding: ${codings}`), /^HTTP\/1\.1 4(00|15) /, codings)
  }
  t.match(await send('POST', PATH, 'Transfer-Encoding: chunked\r\nContent-Encoding: gzip'), /^HTTP\/1\.1 415 .*Content-Encoding/s)
  t.equal((await app.inject(`${PATH}/by-reference?slug=my-run`)).statusCode, 404, 'nothing was stored')
  t.match(await send('POST', PATH, 'Transfer-Encoding: Chunked'), /^HTTP\/1\.1 201 /)
})
