import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The names of the events in the audit log of the gateway that has `dataDir`, in order. */
export function auditEvents (dataDir: string): string[] {
  const directory = join(dataDir, 'audit')
  const files = readdirSync(directory).filter(name => name.endsWith('.jsonl')).sort()
  return files.flatMap(name => readFileSync(join(directory, name), 'utf8').trimEnd().split('\n')).map(line => JSON.parse(line).event)
}
