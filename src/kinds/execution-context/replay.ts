import { toJson } from '@bufbuild/protobuf'
import { newRunToken } from '../../auth/run-token.js'
import type { Awaitable } from '../../awaitable.js'
import { GatewayError } from '../../errors.js'
import { ExecutionContextSchema, type ExecutionContext } from '../../gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { Finish, step } from '../../pipeline/pipeline.js'
import { answerOf, type Answer } from '../../resource/answer.js'
import { eventOf, type Auditor, type Happening } from '../../resource/audit-event.js'
import type { CreateCall, View } from '../../resource/call.js'
import { contentOf, idempotencyId, IDEMPOTENCY_KIND, keyReused, readRemembered, type Named } from '../../resource/idempotency.js'
import { openRecord, withAccessHash } from '../../resource/sealed-record.js'
import type { Vault } from '../../secrets/vault.js'
import type { Store } from '../../storage/store.js'
import { executionContextKind as kind, shownOnce } from './kind.js'

type Replayed = Finish<{ answer: Answer<ExecutionContext> }>

interface Needs extends Happening, Pick<CreateCall<ExecutionContext>, 'input' | 'wantsRunToken' | 'idempotencyKey'> {
  readonly view: View
}

/**
 * Ends the run of a call that was made before, as its idempotency key says, with the context that it made. A new run token, where
 * one is asked for, takes the place of the first.
 * @throws `idempotency_key_reused` naming the places where it is another call, `aborted` where what it made is gone
 */
export const replay = (store: Store, audit: Auditor, vault: Vault) => {
  async function recall (ctx: Needs, idempotencyKey: string): Promise<{ named: Named } | Replayed> {
    const id = idempotencyId(ctx.operation, ctx, idempotencyKey)
    const sent = toJson(ExecutionContextSchema, ctx.input, { useProtoFieldName: true })
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

  async function answerAgain (ctx: Needs, id: string): Promise<Answer<ExecutionContext>> {
    const record = await store.find(kind.name, id)
    if (record === undefined) {
      const made = `the ${kind.title} '${id}' that was made with this Idempotency-Key`
      throw new GatewayError('aborted', `${made} is gone; send another key to make another`)
    }
    const opened = await openRecord(vault, record)
    const runToken = ctx.wantsRunToken ? newRunToken(id) : undefined
    const answer = { ...await answerOf(kind, opened, ctx.view, runToken && shownOnce(runToken)), isReplayed: true }
    const event = eventOf('replayed', ctx, record, answer.revealed)
    if (runToken !== undefined) {
      audit.admit()
      await store.replace(await withAccessHash(vault, opened, runToken.hash), record.revision, { audit: [event] })
    } else if (answer.revealed !== undefined) {
      await audit.record(event)
    } else {
      audit.recordEventually(event)
    }
    return answer
  }

  return step('Replay', (ctx: Needs): Awaitable<{ named: Named | undefined } | Replayed> =>
    ctx.idempotencyKey === undefined ? { named: undefined } : recall(ctx, ctx.idempotencyKey))
}
