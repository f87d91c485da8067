import { toJson, type DescMessage, type MessageShape } from '@bufbuild/protobuf'
import { newRunToken } from '../../auth/run-token.js'
import type { Awaitable } from '../../awaitable.js'
import { GatewayError } from '../../errors.js'
import type { ExecutionContext } from '../../gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { Finish, step } from '../../pipeline/pipeline.js'
import { answerOf, type Answer } from '../../resource/answer.js'
import { eventOf, type Auditor, type Happening } from '../../resource/audit-event.js'
import type { NamedCall, View } from '../../resource/call.js'
import { contentOf, idempotencyId, IDEMPOTENCY_KIND, keyReused, readRemembered, type Named } from '../../resource/idempotency.js'
import { openRecord, withAccessHash } from '../../resource/sealed-record.js'
import type { Vault } from '../../secrets/vault.js'
import type { Store } from '../../storage/store.js'
import { executionContextKind as kind, shownOnce } from './kind.js'

type Replayed = Finish<{ answer: Answer<ExecutionContext> }>

interface Asked<Input> extends Happening, Pick<NamedCall<Input>, 'input' | 'idempotencyKey'> {
  readonly view: View
}
type Needs<Input> = Asked<Input> | Asked<Input> & { readonly wantsRunToken: boolean }

/**
 * Ends the run of a call that was made before, as its idempotency key says, with the context that it made or changed, as that is now. A
 * new run token, where one is asked for, takes the place of the first.
 * @throws `idempotency_key_reused` naming the places where it is another call, `aborted` where what it made is gone
 */
export const replay = <Desc extends DescMessage>(store: Store, audit: Auditor, vault: Vault, schema: Desc) => {
  type Ctx = Needs<MessageShape<Desc>>

  async function recall (ctx: Ctx, idempotencyKey: string): Promise<{ named: Named } | Replayed> {
    const id = idempotencyId(ctx.operation, ctx, idempotencyKey)
    const sent = toJson(schema, ctx.input, { useProtoFieldName: true })
    const kept = await store.find(IDEMPOTENCY_KIND, id)
    if (kept === undefined) {
      const key = await vault.current()
      return { named: { id, key, content: contentOf(key, sent) } }
    }
    const { resourceId, content, key } = await readRemembered(vault, kept)
    const again = contentOf(key, sent)
    if (again.whole !== content.whole) throw keyReused(again, content)
    return new Finish({ answer: await answerAgain(ctx, resourceId) })
  }

  async function answerAgain (ctx: Ctx, id: string): Promise<Answer<ExecutionContext>> {
    const record = await store.find(kind.name, id)
    if (record === undefined) {
      throw new GatewayError('aborted', `the ${kind.title} '${id}' that this Idempotency-Key stands for is gone; send another key`)
    }
    const opened = await openRecord(vault, record)
    const runToken = 'wantsRunToken' in ctx && ctx.wantsRunToken ? newRunToken(id) : undefined
    const next = runToken && await withAccessHash(vault, opened, runToken.hash)
    const shown = await answerOf(kind, { ...opened, record: next ?? record }, ctx.view, runToken && shownOnce(runToken))
    const answer = { ...shown, isReplayed: true }
    const event = eventOf('replayed', ctx, record, answer.revealed)
    if (next !== undefined) {
      audit.admit()
      await store.replace(next, record.revision, { audit: [event] })
    } else if (answer.revealed !== undefined) {
      await audit.record(event)
    } else {
      audit.recordEventually(event)
    }
    return answer
  }

  return step('Replay', (ctx: Ctx): Awaitable<{ named: Named | undefined } | Replayed> =>
    ctx.idempotencyKey === undefined ? { named: undefined } : recall(ctx, ctx.idempotencyKey))
}
