import type { Link } from './link.js'

const EVERY_MS = 10_000
// Longer than a statement whose answer was lost is tried again.
const SETTLED_FOR_MS = 600_000

/**
 * Looks after what gateways leave behind, now and every ten seconds, until the answered function is called: what batches came to, when
 * nobody asks any more, and the outboxes of gateways that are gone, which the first to come by takes over.
 */
export function keepTidy (
  link: Link, schema: string, gateway: string, adopted: (last: number) => void, warn: (message: string, cause?: unknown) => void
): () => Promise<void> {
  let working: Promise<void> | undefined
  const look = () => {
    working ??= tidy(link, schema, gateway, adopted)
      .catch(error => warn('what gateways left behind in the database could not be tidied up', error))
      .finally(() => { working = undefined })
  }
  const timer = setInterval(look, EVERY_MS).unref()
  look()
  return async () => {
    clearInterval(timer)
    await working
  }
}

async function tidy (link: Link, schema: string, gateway: string, adopted: (last: number) => void): Promise<void> {
  await link.run({ text: 'DELETE FROM settled WHERE at < now_ms() - $1', values: [SETTLED_FOR_MS] })
  const left = await link.run<{ gateway: string }>({ text: 'SELECT DISTINCT gateway FROM outbox WHERE gateway <> $1', values: [gateway] })
  for (const { gateway: other } of left) {
    const [row] = await link.run<{ last: string | null }>({
      text: 'SELECT adopt_outbox($1, $2, $3) AS last', values: [schema, other, gateway]
    })
    if (row?.last) adopted(Number(row.last))
  }
}
