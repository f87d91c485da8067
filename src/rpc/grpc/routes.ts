import type { DescMethod } from '@bufbuild/protobuf'
import { MethodOptions_IdempotencyLevel as Idempotency } from '@bufbuild/protobuf/wkt'
import type { Logger } from 'pino'
import { HttpFailure } from '../../server/failure.js'
import type { Limits } from '../../server/listener.js'
import { METHODS } from '../methods.js'
import { WATCH } from '../watch.js'
import type { Route } from './call.js'
import { Health } from './health.js'
import { REFLECTION_PATHS } from './reflection.js'

/** Enough to name a service. */
const OPEN = { isOpen: true, isRead: true, kind: 'unary', mostBytes: 4 * 1024 } as const

export const pathOf = ({ parent, name }: DescMethod) => `/${parent.typeName}/${name}`

/** How each path is guarded. */
export function routesOf (health: Health, limits: Limits, log: Logger): (path: string) => Route {
  const routes = new Map([...operationRoutes(log), ...openRoutes(health, limits, log)].map(route => [route.path, route]))
  const unknown: Route = {
    ...OPEN, path: '', log, prepare () { throw new HttpFailure(404, 'unimplemented', 'there is no such method') }
  }
  return path => routes.get(path) ?? unknown
}

const operationRoutes = (log: Logger): Route[] => [...METHODS.map(({ descriptor }) => descriptor), WATCH].map((descriptor: DescMethod) => {
  const { parent, name, idempotency, methodKind } = descriptor
  const path = pathOf(descriptor)
  return {
    path,
    isOpen: false,
    isRead: idempotency === Idempotency.NO_SIDE_EFFECTS,
    kind: methodKind === 'unary' ? 'unary' : 'watch',
    mostBytes: Infinity,
    log: log.child({ operation: `${parent.name}/${name}`, route: path })
  }
})

/** What is asked about the gateway itself. */
function openRoutes (health: Health, { idleTimeout }: Limits, log: Logger): Route[] {
  const { Check: check, List: list, Watch: watch } = Health.service
  const route = (path: string, rest: Partial<Route>): Route =>
    ({ ...OPEN, path, log: log.child({ operation: path.split('.').at(-1), route: path }), ...rest })
  return [
    route(check!.path, { prepare: () => health.look() }),
    route(list!.path, { prepare: () => health.look() }),
    route(watch!.path, { kind: 'watch', prepare: call => health.watch(call) }),
    ...REFLECTION_PATHS.map(path => route(path, {
      kind: 'duplex',
      mostBytes: 64 * 1024,
      prepare: ({ stream }) => { stream.setTimeout(idleTimeout, () => stream.close()) }
    }))
  ]
}
