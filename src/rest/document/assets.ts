import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, extname, join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

/** A file that the page at `/docs` needs. */
export interface Asset {
  readonly name: string
  readonly type: string
  /** Names its content, and so may be part of a URL that is cached for ever. */
  readonly version: string
  /** Its bytes in that content coding, compressed when first asked for and kept. */
  readonly body: (coding: Coding) => Promise<Buffer>
}

export type Coding = typeof CODINGS[number]
/** The best first. */
export const CODINGS = ['br', 'gzip', 'identity'] as const

const COMPRESS: Readonly<Record<Coding, (bytes: Buffer) => Promise<Buffer>>> = {
  // Higher qualities gain a few percent and take many times as long.
  br: bytes => promisify(brotliCompress)(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 5, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length }
  }),
  gzip: bytes => promisify(gzip)(bytes),
  identity: async bytes => bytes
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png'
}

const require = createRequire(import.meta.url)
const OURS = join(require.resolve('#package.json'), '../openapi/page')
// Swagger UI itself; unlike its own package this one runs nothing when it is installed.
const SWAGGER_UI = join(require.resolve('@fastify/swagger-ui/package.json'), '../static')

const PATHS = [
  join(SWAGGER_UI, 'swagger-ui.css'), join(OURS, 'docs.css'), join(
    SWAGGER_UI,
    'swagger-ui-bundle.js'
  ), join(OURS, 'docs.mjs'), join(SWAGGER_UI, 'favicon-32x32.png')
]

/** All of them, in the order in which a page must load them. */
export const loadAssets = (): Promise<Asset[]> => Promise.all(PATHS.map(load))

async function load (path: string): Promise<Asset> {
  const bytes = await readFile(path)
  const bodies = new Map<Coding, Promise<Buffer>>()
  return {
    name: basename(path),
    type: TYPES[extname(path)] ?? 'application/octet-stream',
    version: hash('sha256', bytes, 'hex').slice(0, 16),
    body (coding) {
      const made = bodies.get(coding) ?? COMPRESS[coding](bytes)
      bodies.set(coding, made)
      return made
    }
  }
}
