import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext, type Server, type TlsOptions, type TLSSocket } from 'node:tls'
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import { GatewayError } from '../errors.js'
import { fileProblem } from '../files/file-problem.js'

/** Paths of PEM files. */
export interface TlsFiles {
  /** The certificate, and behind it those that lead to its root. */
  readonly cert: string
  readonly key: string
  /** The roots of the clients' certificates: with it a client must have one. */
  readonly ca?: string | undefined
}

const CHECK_EVERY_MS = 5_000

/**
 * What a TLS server needs of `files`, as they are now.
 * @throws {GatewayError} that names the file and its variable, and quotes nothing of it
 */
export function readTls (files: TlsFiles): TlsOptions {
  const options = {
    cert: read('ECTX_TLS_CERT', files.cert, 'PEM certificate', pem => new X509Certificate(pem)),
    key: read('ECTX_TLS_KEY', files.key, 'PEM private key without a passphrase', createPrivateKey),
    ...(files.ca !== undefined && {
      ca: read('ECTX_TLS_CA', files.ca, 'PEM certificate', pem => new X509Certificate(pem)),
      requestCert: true,
      rejectUnauthorized: true
    }),
    minVersion: 'TLSv1.2'
  } as const
  try {
    createSecureContext(options)
  } catch (cause) {
    throw new GatewayError(
      'invalid_argument',
      `ECTX_TLS_CERT and ECTX_TLS_KEY: ${files.cert} and ${files.key} are no pair that TLS can use; give the key of that certificate`,
      { cause }
    )
  }
  return options
}

function read (variable: string, file: string, expected: string, parse: (pem: Buffer) => unknown): Buffer {
  let pem: Buffer
  try {
    pem = readFileSync(file)
  } catch (cause) {
    throw new GatewayError('invalid_argument', `${variable}: ${file} cannot be read${fileProblem(cause)}`, { cause })
  }
  try {
    parse(pem)
  } catch (cause) {
    throw new GatewayError('invalid_argument', `${variable}: ${file} must be a ${expected}`, { cause })
  }
  return pem
}

/**
 * Keeps `server` at what `files` hold: new connections use changed files a few seconds later. Files that cannot be used
 * leave the last good ones in force, with a warning in `log`, which also tells of handshakes that failed.
 */
export function followTls (server: Server, files: TlsFiles, inForce: TlsOptions, log: Logger, checkEveryMs = CHECK_EVERY_MS): void {
  let problem: string | undefined

  const look = () => {
    try {
      const now = readTls(files)
      if (problem !== undefined) log.info('the TLS files can be used again')
      problem = undefined
      if (isDeepStrictEqual(now, inForce)) return
      server.setSecureContext(now)
      inForce = now
      log.info('the TLS files have changed: new connections use them')
    } catch (error) {
      const { message } = GatewayError.from(error)
      if (message !== problem) log.warn({ err: error }, `${message}; the files before stay in force`)
      problem = message
    }
  }
  const timer = setInterval(look, checkEveryMs).unref()
  server.on('close', () => clearInterval(timer))
  // Before Node takes it for a client error, which is answered: without TLS there is no way to, and the socket would stay.
  server.prependListener('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    socket.destroy()
    // The code alone: it tells plain HTTP from a missing certificate, and holds nothing that was sent.
    log.info({ reason: error.code }, 'TLS handshake failed')
  })
}
