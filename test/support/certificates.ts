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

/** A certificate for `localhost` and 127.0.0.1, for server or client, that `root` issued. */
export async function createCertificate (root: Pair): Promise<Pair> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], { ...EC, ca: root })
  return { cert, key }
}
