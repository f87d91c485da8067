import type { Load, Request } from './client.js'
import { idOf, nameOf, requestOf, slugOf } from './record.js'
import { OPERATOR, VIEWER } from './tokens.js'

const PATH = '/v1/execution-contexts'
// Beyond every number that is ever filled, so that no slug comes twice.
let nextNew = 10_000_000

const LEASED = 64
const REPLAYED = 256

// Only the name differs from request to request: making whole ones would take the load too long.
const [BEFORE_NAME, AFTER_NAME] = requestOf(0).split(nameOf(0))
const bodyOf = (n: number): string => BEFORE_NAME + nameOf(n) + AFTER_NAME

const head = (method: string, path: string, token: string): string => `${method} ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n`
const read = (path: string, token: string): string => `${head('GET', `${PATH}/${path}`, token)}\r\n`
const remove = (id: string): string => `${head('DELETE', `${PATH}/${id}`, OPERATOR)}\r\n`
const post = (path: string, body: string, more = ''): string =>
  `${head('POST', path, OPERATOR)}${more}content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`

/** What to ask of a gateway. It knows what is stored there: so many that were filled in, and those it created. */
export class GatewayLoads {
  readonly #filled: number
  readonly #created: Array<{ n: number, id: string }> = []
  readonly #leased: string[] = []
  #nextBeat = 0
  #nextReplay = 0

  constructor (filled: number) {
    this.#filled = filled
  }

  /** Makes the contexts that heartbeats are for, at a gateway that knows leases; at another, none. */
  async prepare (address: string): Promise<void> {
    for (let made = 0; made < LEASED; made++) {
      const body = bodyOf(nextNew++).replace('"spec":{', '"spec":{"lease":"3600s",')
      const headers = { authorization: `Bearer ${OPERATOR}`, 'content-type': 'application/json' }
      const response = await fetch(address + PATH, { method: 'POST', body, headers })
      if (response.status !== 201) return
      this.#leased.push(/\/(exec-\w+)/.exec(response.headers.get('location')!)![1]!)
    }
  }

  readonly create: Load = {
    status: 201,
    next: () => {
      const n = nextNew++
      return {
        text: post(PATH, bodyOf(n)),
        answered: head => { this.#created.push({ n, id: /\/(exec-\w+)\r/.exec(head)![1]! }) }
      }
    }
  }

  /** By an operator, who sees the secrets: so each is recorded before it is answered. */
  readonly reveal: Load = { status: 200, next: () => ({ text: read(this.#any().id, OPERATOR) }) }
  /** By a viewer, who sees none. */
  readonly get: Load = { status: 200, next: () => ({ text: read(this.#any().id, VIEWER) }) }
  readonly getByReference: Load = { status: 200, next: () => ({ text: read(`by-reference?slug=${slugOf(this.#any().n)}`, VIEWER) }) }
  readonly heartbeat: Load = {
    status: 200,
    next: () => {
      const id = this.#leased[this.#nextBeat++ % this.#leased.length] ?? 'none'
      return { text: `${head('POST', `${PATH}/${id}/heartbeat`, OPERATOR)}\r\n` }
    }
  }

  /** Of fifty, by a viewer. */
  readonly list: Load = { status: 200, next: () => ({ text: `${head('GET', `${PATH}?label.team=data-platform`, VIEWER)}\r\n` }) }
  /** Some creates again and again, each with its idempotency key: the first time it is made. */
  readonly replay: Load = {
    status: 201,
    next: () => {
      const n = this.#nextReplay++ % REPLAYED
      return { text: post(PATH, bodyOf(-2 - n), `idempotency-key: ${n}\r\n`) }
    }
  }

  readonly env: Load = { status: 200, next: () => ({ text: read(`${this.#any().id}/env?format=shell`, OPERATOR) }) }
  readonly apply: Load = { status: 409, next: () => ({ text: post(`${PATH}/apply`, bodyOf(this.#any().n)) }) }

  /** Ends when all that was created is deleted. */
  readonly delete: Load = {
    status: 200,
    next: () => {
      const context = this.#created.pop()
      return context && { text: remove(context.id) }
    }
  }

  /** Any stored context, each as likely as another. */
  #any (): { n: number, id: string } {
    const index = Math.floor(Math.random() * (this.#filled + this.#created.length))
    return this.#created[index - this.#filled] ?? { n: index, id: idOf(index) }
  }
}

const always = (status: number, next: () => Request): Load => ({ status, next })

/** The same of a bare server, which looks at no id. */
export const bareLoads = {
  post: always(201, () => ({ text: post(PATH, bodyOf(nextNew++)) })),
  get: always(200, () => ({ text: read(idOf(nextNew++), VIEWER) })),
  delete: always(200, () => ({ text: remove(idOf(nextNew++)) }))
}
