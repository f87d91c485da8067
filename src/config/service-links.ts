import { isIP } from 'node:net'

const isAddress = (value: string) => isIP(value) !== 0
const isPort = (value: string) => /^\d{1,5}$/.test(value)
const isUrl = (value: string) => /^(tcp|udp|sctp):\/\/\S+:\d{1,5}$/.test(value)

/** What Kubernetes calls a Service's variables, behind the Service's own name, and what they hold. */
const FORMS: ReadonlyArray<[name: RegExp, holds: (value: string) => boolean]> = [
  [/_SERVICE_HOST$/, isAddress],
  [/_SERVICE_PORT(_[A-Z0-9_]+)?$/, isPort],
  [/_PORT(_\d+_(TCP|UDP|SCTP))?$/, isUrl],
  [/_PORT_\d+_(TCP|UDP|SCTP)_ADDR$/, isAddress],
  [/_PORT_\d+_(TCP|UDP|SCTP)_PORT$/, isPort],
  [/_PORT_\d+_(TCP|UDP|SCTP)_PROTO$/, value => /^(tcp|udp|sctp)$/.test(value)]
]

/**
 * Whether Kubernetes set the variable for a Service, as it does in every pod beside one: a Service that is called `ectx`
 * or `ectx-…` gives variables that look like ours. The value counts too, since `ECTX_PORT` is ours otherwise.
 */
export const isServiceLink = (name: string, value: string): boolean => FORMS.some(([form, holds]) => form.test(name) && holds(value))
