import { verify } from '../engines/embedded/audit/verify.js'
import { placesIn } from '../places.js'

/** `npm run audit -- verify`: 0 where the log is whole, 1 with the places where it is not, 2 where it could not be read. */
async function main ([command, ...others]: string[]): Promise<number> {
  if (command !== 'verify' || others.length > 0) {
    process.stderr.write('usage: npm run audit -- verify\nChecks the audit log in ECTX_DATA_DIR (./data), also while the gateway runs.\n')
    return 2
  }
  const { audit: directory } = placesIn(process.env.ECTX_DATA_DIR)
  const { files, lines, first, problems } = await verify(directory)
  for (const { file, line, problem } of problems) process.stdout.write(`${file}${line > 0 ? `:${line}` : ''} ${problem}\n`)
  process.stdout.write(`${directory}: ${lines} lines in ${files} files, ${problems.length === 0 ? 'whole' : `${problems.length} problems`}\n`)
  if (first !== undefined && first > 1) process.stdout.write(`It begins with line number ${first}: older files are no longer kept.\n`)
  return problems.length === 0 ? 0 : 1
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`audit: cannot read the log: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 2
}
