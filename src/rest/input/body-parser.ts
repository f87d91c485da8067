import { errorCodes, type FastifyInstance, type FastifyRequest } from 'fastify'
import { invalidArgument, oneEach, type GatewayError, type Violation } from '../../errors.js'
import type { Bodies } from '../../server/bodies.js'
import { HttpFailure } from '../../server/failure.js'
import { parseJsonBody } from '../../server/json/json-body.js'

/**
 * Reads the bodies of the routes of `app`: JSON in UTF-8 that is sent plain. What cannot be kept as it was meant is
 * refused together with all else that is wrong with the body, so that no route ever sees it.
 */
export function parseBodies (app: FastifyInstance, bodies: Bodies): void {
  // Behind every `onRequest`: who calls is known by now.
  app.addHook('preParsing', (request, _reply, _payload, done) => {
    const header = encoded(request)
    done(
      header === undefined
        ? null
        : new HttpFailure(
          415,
          'invalid_argument',
        `${header} names a coding that is not decoded here; send the body plain, without that header`
        )
    )
  })

  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', async (request: FastifyRequest) => {
    const body = await bodies.read(request.raw)
    if (body.length > 0 && !isJson(request.headers['content-type'])) throw new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE()
    const { value, flaws } = parseJsonBody(body)
    if (flaws.length > 0) throw invalidArgument(withOthers(flaws, request, value))
    return value
  })
}

const PLAIN = /^(?:[\t ,]|identity(?=[\t ,]|$))*$/i

/** The header that says that the body is encoded; `undefined` where it is plain, or there is none. */
function encoded ({ headers }: FastifyRequest): string | undefined {
  const { 'transfer-encoding': transfer, 'content-encoding': content, 'content-length': length } = headers
  if (transfer !== undefined && transfer.toLowerCase() !== 'chunked') return 'Transfer-Encoding'
  const hasBody = transfer !== undefined || (length !== undefined && Number(length) > 0)
  return content !== undefined && hasBody && !PLAIN.test(content) ? 'Content-Encoding' : undefined
}

const CHARSET = /^charset\s*=/
const UTF_8 = /^charset\s*=\s*(?:utf-?8|"utf-?8")$/

/** Whether a body of `type` is JSON in UTF-8. */
function isJson (type: string | undefined): boolean {
  if (type === undefined || type === 'application/json') return type !== undefined
  const [essence, ...parameters] = type.toLowerCase().split(';').map(part => part.trim())
  return essence === 'application/json' && parameters.every(parameter => !CHARSET.test(parameter) || UTF_8.test(parameter))
}

/** `flaws` and what the schema of the route's body says of `value`: one violation for each place. */
function withOthers (flaws: readonly Violation[], request: FastifyRequest, value: unknown): Violation[] {
  const checked = request.getValidationFunction('body')?.(value) as { error?: GatewayError } | undefined
  return oneEach([...invalidArgument(flaws).violations, ...checked?.error?.violations ?? []])
}
