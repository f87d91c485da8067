import { Value } from '@sinclair/typebox/value'
import leven from 'leven'
import { VariablesSchema, type Variables } from './values.js'
import { isServiceLink } from './service-links.js'

/** What is wrong with the environment, a line for each variable. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

type Given = Readonly<Record<string, string>>

/**
 * The `ECTX_…` variables of `environment`, with the defaults of those that are not there. An empty one is as good as
 * none, and so are those that Kubernetes sets for a Service: `serviceLinks` names them.
 * @throws {ConfigError} that names every variable that is unknown or wrong, and quotes none
 */
export function readVariables (environment: NodeJS.ProcessEnv): { values: Variables, serviceLinks: readonly string[] } {
  const all = Object.entries(environment).filter((entry): entry is [string, string] => entry[0].startsWith('ECTX_') && Boolean(entry[1]))
  const serviceLinks = all.filter(([name, value]) => isServiceLink(name, value)).map(([name]) => name)
  const given = Object.fromEntries(all.filter(([name]) => !serviceLinks.includes(name)))
  const values = Value.Convert(VariablesSchema, Value.Default(VariablesSchema, { ...given })) as Variables
  const problems = [...unknown(Object.keys(given)), ...wrong(given, values)]
  if (problems.length > 0) throw new ConfigError(problems.join('\n'))
  return { values, serviceLinks }
}

const KNOWN = Object.keys(VariablesSchema.properties) as Array<keyof Variables>

const unknown = (names: string[]): string[] => names.filter(name => !(KNOWN as string[]).includes(name)).map(name => {
  const [near] = KNOWN.filter(candidate => leven(candidate, name) <= 3).sort((a, b) => leven(a, name) - leven(b, name))
  const others = near === undefined ? `there are ${KNOWN.join(', ')}` : `did you mean ${near}?`
  return `${name.replaceAll(/[^\x21-\x7e]/g, '?')} is not known; ${others}`
})

function wrong (given: Given, values: Variables): string[] {
  const refused = new Set([...Value.Errors(VariablesSchema, values)].map(({ path }) => path.slice(1)))
  return KNOWN.flatMap(name => {
    const { expected, type, isPath } = VariablesSchema.properties[name]
    const text = given[name] ?? ''
    const slip = SLIPS.find(({ pattern, inPaths }) => pattern.test(text) && (isPath || !inPaths))
    // Converting would make 1 of 1.5.
    const isFraction = type === 'integer' && text !== '' && !/^\d+$/.test(text)
    return slip || isFraction || refused.has(name) ? [`${name} must be ${expected}${slip ? `; ${slip.what}` : ''}`] : []
  })
}

/** What files of variables, and shells that were not asked, leave in a value: taken as it is it would name something else. */
const SLIPS: ReadonlyArray<{ pattern: RegExp, what: string, inPaths?: boolean }> = [
  {
    pattern: /^[\s\p{Cf}]|[\s\p{Cf}]$|[\p{Cc}\p{Zl}\p{Zp}]/u,
    what: 'it has a blank at an end or a control character in it, such as the carriage return of a Windows text file: take that out'
  },
  { pattern: /\uFFFD/, what: 'it has bytes that are not UTF-8: write it anew' },
  { pattern: /^(["'`]).*\1$/, what: 'the quotes around it are taken as part of it: leave them out' },
  { pattern: /^[~$]/, what: 'nothing replaces the ~ or $ that it begins with: write the whole path', inPaths: true }
]
