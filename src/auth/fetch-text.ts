import { codeOf, GatewayError } from '../errors.js'

const TIMEOUT_MS = 5_000
const MOST_BYTES = 1024 * 1024

/**
 * The text at `url`, of at most 1 MiB and within 5 seconds. A redirect is not followed: it could lead anywhere.
 * @throws {GatewayError} `unavailable` that says why in words of ours, such as the status; nothing of the answer
 */
export async function fetchText (url: URL, get: typeof fetch): Promise<string> {
  try {
    const headers = { accept: 'application/json, application/jwk-set+json' }
    const { status, body } = await get(url, { redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS), headers })
    if (status !== 200) {
      await body?.cancel()
      const isRedirect = status >= 300 && status < 400
      throw failure(`the URL answers ${status}${isRedirect ? ', which is not followed: set the URL that it leads to' : ''}`)
    }
    const chunks: Uint8Array[] = []
    let bytes = 0
    for await (const chunk of body ?? []) {
      bytes += chunk.length
      // Leaving the loop ends the answer.
      if (bytes > MOST_BYTES) throw failure('the answer is larger than 1 MiB')
      chunks.push(chunk)
    }
    return Buffer.concat(chunks).toString()
  } catch (error) {
    if (error instanceof GatewayError) throw error
    const isLate = error instanceof Error && error.name === 'TimeoutError'
    throw failure(
      isLate ? `the answer did not come within ${TIMEOUT_MS / 1000} seconds` : `the URL cannot be reached (${codeOf(error)})`,
      error
    )
  }
}

const failure = (message: string, cause?: unknown) => new GatewayError('unavailable', message, { cause })
