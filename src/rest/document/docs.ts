import { hash, randomBytes } from 'node:crypto'
import { extname } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { Negotiator } from '@fastify/accept-negotiator'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { OpenAPIV3 } from 'openapi-types'
import { CODINGS, loadAssets, type Asset, type Coding } from './assets.js'
import { names } from '../etag.js'
import { REQUEST_EXAMPLE } from './examples.js'

// Swagger UI needs nothing from elsewhere, no inline script or style, and no frame. Nothing here upgrades requests to
// https: that leaves a blank page on plain http under any name but localhost.
const POLICY = "default-src 'none'; base-uri 'none'; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; " +
  "img-src 'self' data:; script-src 'self'; style-src 'self'"
const FOR_EVER = 'public, max-age=31536000, immutable'
const ASK_AGAIN = 'no-cache'

const negotiator = new Negotiator({ supportedValues: [...CODINGS] })
const codingOf = ({ headers }: FastifyRequest) => (negotiator.negotiate(headers['accept-encoding'] ?? '') ?? 'identity') as Coding

/** Swagger UI at `/docs`, whole from this server: a page, its assets, and the document as it shows it. */
export async function docs (app: FastifyInstance): Promise<void> {
  const assets = await loadAssets()
  const options = { schema: { hide: true } }
  app.addHook('onRequest', async (_, reply) => { reply.header('content-security-policy', POLICY) })

  // The page's own addresses are relative, so that it may stand behind a proxy under another path.
  for (const [url, base] of [['/docs', 'docs'], ['/docs/', '.']] as const) {
    const html = page(base, assets)
    const etag = `"${hash('sha256', html, 'hex').slice(0, 16)}"`
    app.get(url, options, async (request, reply) => {
      reply.header('cache-control', ASK_AGAIN).header('etag', etag)
      return names(request.headers['if-none-match'], etag) ? reply.code(304).send() : reply.type('text/html; charset=utf-8').send(html)
    })
  }

  for (const asset of assets) {
    app.get(`/docs/static/${asset.name}`, options, (request, reply) => sendAsset(request, reply, asset))
  }

  let pieces: readonly string[] | undefined
  app.get('/docs/json', options, async (request, reply) => {
    pieces ??= JSON.stringify(forThePage(app.swagger() as OpenAPIV3.Document)).split(FRESH)
    const json = pieces.join(randomBytes(4).toString('hex'))
    reply.type('application/json; charset=utf-8').header('cache-control', 'no-store').header('vary', 'accept-encoding')
    if (codingOf(request) === 'identity') return reply.send(json)
    return reply.header('content-encoding', 'gzip').send(await promisify(gzip)(json, { level: 1 }))
  })
}

async function sendAsset (request: FastifyRequest, reply: FastifyReply, { body, type, version }: Asset): Promise<FastifyReply> {
  const coding = codingOf(request)
  const etag = `"${version}.${coding}"`
  const { v } = request.query as { v?: unknown }
  reply.header('cache-control', v === version ? FOR_EVER : ASK_AGAIN).header('etag', etag).header('vary', 'accept-encoding')
  if (names(request.headers['if-none-match'], etag)) return reply.code(304).send()
  if (coding !== 'identity') reply.header('content-encoding', coding)
  return reply.type(type).send(await body(coding))
}

const page = (base: string, assets: readonly Asset[]) => `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Execution Context Gateway</title>
${assets.map(({ name, version }) => tag(name, `${base}/static/${name}?v=${version}`)).join('\n')}
</head>
<body>
<div id="swagger-ui"></div>
<noscript>This page needs JavaScript. The document that it shows is at docs/json.</noscript>
</body>
</html>
`

function tag (name: string, url: string): string {
  switch (extname(name)) {
    case '.css': return `<link rel="stylesheet" href="${url}">`
    case '.js': return `<script src="${url}" defer></script>`
    case '.mjs': return `<script src="${url}" type="module"></script>`
    default: return `<link rel="icon" href="${url}">`
  }
}

// Where each load of the page has a text of its own: a fixed name conflicts the second time.
const FRESH = '{fresh}'

/** The document as the page loads it: calls go where the page came from, and its example conflicts with no earlier one. */
function forThePage (document: OpenAPIV3.Document): object {
  const { servers, ...others } = structuredClone(document)
  const example = { ...REQUEST_EXAMPLE, metadata: { ...REQUEST_EXAMPLE.metadata, name: `${REQUEST_EXAMPLE.metadata.name} ${FRESH}` } }
  for (const item of Object.values(others.paths)) {
    const body = item?.post?.requestBody
    const media = body !== undefined && 'content' in body ? body.content['application/json'] : undefined
    if (media?.example?.metadata?.name === REQUEST_EXAMPLE.metadata.name) media.example = example
  }
  return others
}
