import { generate } from 'selfsigned'

export interface Pair {
  readonly cert: string
  readonly key: string
}

const EC = { keyType: 'ec', algorithm: 'sha256' } as const

/** A root that can issue certificates. */
export async function createRoot (name: string): Promise<Pair> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    ...EC,
    extensions: [{ name: 'basicConstraints', cA: true, critical: true }, { name: 'keyUsage', keyCertSign: true, critical: true }]
  })
  return { cert, key }
}

/** A certificate for `localhost` and 127.0.0.1, or for another `name`, for server or client, that `root` issued. */
export async function createCertificate (root: Pair, name = 'localhost'): Promise<Pair> {
  const extensions = name === 'localhost' ? {} : { extensions: [{ name: 'subjectAltName' as const, altNames: [{ type: 2 as const, value: name }] }] }
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], { ...EC, ...extensions, ca: root })
  return { cert, key }
}
