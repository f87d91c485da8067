import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { Context, Model } from './model.js'
import type { Real } from './real.js'

/** What is known of a context from events alone. */
interface Known {
  readonly slug: string
  readonly executionId: string
  readonly creator: string
  version: string
}

/** Who follows the events of a gateway from its beginning, and knows nothing else of it. */
export class Follower {
  readonly #contexts = new Map<string, Known>()
  #position: string | undefined

  /** Reads on, until what is known is what the model has kept. */
  async assertKnows (model: Model, real: Real): Promise<void> {
    const expected = [...model.kept].map(toKnown).sort(byId)
    // In a database what others do at the same time holds events back for a moment.
    for (let look = 0; ; look++) {
      await this.#read(model, real)
      const known = [...this.#contexts].map(([id, context]) => ({ id, ...context })).sort(byId)
      if (look < 100 && JSON.stringify(known) !== JSON.stringify(expected)) await setTimeout(10)
      else return assert.deepEqual(known, expected, 'who follows knows what there is')
    }
  }

  async #read (model: Model, real: Real): Promise<void> {
    this.#position ??= await real.firstPosition()
    for (;;) {
      const response = await real.ask('GET', `/v1/events?after=${this.#position}&wait=0s`)
      assert.equal(response.statusCode, 200, response.body)
      const { events, next } = response.json()
      for (const { type, data } of events) this.#take(type.split('.').at(-1), data, model)
      this.#position = next
      if (events.length === 0) return
    }
  }

  #take (type: string, { id, slug, execution_id: executionId, caller, version, keys }: any, model: Model): void {
    const known = this.#contexts.get(id)
    if (type === 'created') {
      assert.equal(known, undefined, 'nothing is made twice')
      this.#contexts.set(id, { slug, executionId, creator: caller.name, version: version.id })
      return
    }
    assert.equal(version.id, type === 'rotated' ? version.id : known?.version)
    assert.deepEqual([slug, executionId], [known?.slug, known?.executionId], 'nothing happens to what is not there')
    if (type === 'rotated') {
      assert.deepEqual([version.previous_version_id, keys.length > 0], [known!.version, true])
      known!.version = version.id
      return
    }
    const context = model.made.find(made => made.id === id)
    // The model of the next sequence knows nothing of what the last one left.
    if (type !== 'deleted' && context !== undefined) assert.equal(type, context.end < context.expireTime ? 'heartbeat_missed' : 'expired')
    this.#contexts.delete(id)
  }
}

const toKnown = ({ id, content, creator, versions }: Context) =>
  ({ id, slug: content.slug, executionId: content.executionId, creator, version: versions.at(-1)!.id })

const byId = (a: { readonly id: string }, b: { readonly id: string }) => a.id < b.id ? -1 : 1
