import type { Logger } from 'pino'
import type { Sink } from '../audit/sink.js'
import type { Tell } from '../audit/unproved.js'
import { ANONYMOUS, SYSTEM } from '../auth/caller.js'
import { FailedAuthentications } from '../auth/failed-authentications.js'
import { isLoopback } from '../auth/loopback.js'
import { systemClock, type Clock } from '../clock.js'
import type { Config } from '../config/config.js'
import type { Engine } from '../engines/engine.js'
import { openEngine } from '../engines/open-engine.js'
import { GatewayError } from '../errors.js'
import { Hub } from '../events/hub.js'
import { executionContextKind } from '../kinds/execution-context/kind.js'
import { runTokenOf } from '../kinds/execution-context/run-tokens.js'
import { createOperations } from '../kinds/operations.js'
import { BODY_LIMIT } from '../rest/input/body-limit.js'
import { createRest } from '../rest/rest.js'
import { createConnect } from '../rpc/connect.js'
import { within } from '../resource/deadline.js'
import { headKey } from '../secrets/head-key.js'
import { KeyRing } from '../secrets/ring.js'
import { loadRootKey } from '../secrets/root-key.js'
import { Trees } from '../secrets/trees.js'
import { vaultOf } from '../secrets/vault.js'
import { Bodies } from '../server/bodies.js'
import { LIMITS } from '../server/listener.js'
import { mostConnections } from '../server/open-files.js'
import { createServer, type ServerSettings } from '../server/server.js'
import { AnchorFile } from '../sinks/anchor-file.js'
import { openPublisher } from '../sinks/open-publisher.js'
import { Syslog } from '../sinks/syslog.js'
import type { Store } from '../storage/store.js'
import { createObserver } from '../telemetry/observer.js'
import { keepHeads, type Anchor } from '../upkeep/keep-heads.js'
import { keepKeys } from '../upkeep/keep-keys.js'
import { Publication } from '../upkeep/keep-publishing.js'
import { keepWhole } from '../upkeep/keep-whole.js'
import { keepSweeping } from '../upkeep/sweep.js'
import { keepTrimming } from '../upkeep/trim-feed.js'
import { authenticator, listenersOf } from './authenticator.js'

const HOUR_MS = 3_600_000

type Settings = ServerSettings & Pick<
  Config, 'tokensFile' | 'jwt' | 'keyRing' | 'lifetimes' | 'grpcPort' | 'events' | 'auditAnchor' | 'operationTimeoutMs' | 'eventsKeepMs'
> & {
  /** Closed with the gateway. */
  readonly sink?: Sink | undefined
}

export interface Gateway {
  /** Serves from now on. Answers the URL that it listens at, and the host and port of gRPC where that is served. */
  listen (): Promise<{ readonly address: string, readonly grpc: string | undefined }>
  /** Resolves where what is stored was found damaged, and the gateway is not to go on then. */
  readonly damage: Promise<GatewayError>
  /** Lets what runs end, and closes all that was opened. */
  close (): Promise<void>
}

/** The gateway that `config` asks for. */
export async function composeGateway (config: Config, log: Logger): Promise<Gateway> {
  const { host, port, grpcPort } = config
  if (!isLoopback(host) && config.tls === undefined && config.trustedProxies.length === 0) {
    log.warn(
      'tokens and secrets cross the network in clear: set ECTX_TLS_CERT and ECTX_TLS_KEY, or let a proxy end TLS and set ECTX_TRUSTED_PROXIES to its address'
    )
  }
  const warn: Tell = (message, err, level = 'warn') => log[level]({ err }, message)
  const sink = config.auditSyslog && new Syslog({ ...config.auditSyslog, clock: systemClock, warn })
  const engine = await openEngine(config, systemClock, warn, sink)
  const limits = { ...LIMITS, connections: Math.min(LIMITS.connections, mostConnections()) }
  const { http, grpc, close, damage } = await assemble(engine, { ...config, limits, sink }, log)
  const listen = async () => ({
    address: await http.listen({ host, port }),
    grpc: grpcPort === undefined ? undefined : await grpc?.listen({ host, port: grpcPort })
  })
  return { listen, close, damage: config.stopsOnDamage ? damage : new Promise(() => {}) }
}

/** The parts of a gateway on any engine, which it closes when it closes. */
export async function assemble (engine: Engine, config: Settings, log: Logger, clock: Clock = systemClock) {
  const { store, feed, audit } = engine
  const ring = await KeyRing.open({ store: engine.keys, clock, mayBegin: await isUnsealed(store) })
  if (ring.problem !== undefined) log.error({ problem: ring.problem }, 'no secret can be sealed or revealed')
  const trees = new Trees(engine.trees, clock)
  const vault = vaultOf(ring, trees)
  const admitSealing = async () => trees.of(await ring.current()).begin()
  if (ring.usable) await admitSealing().catch(err => log.error({ err, problem: err.message }, 'no secret can be sealed'))
  const { integrity } = engine
  let damaged = (_: GatewayError) => {}
  const damage = new Promise<GatewayError>(resolve => { damaged = resolve })
  const stopGuarding = integrity && await keepWhole({
    integrity, store, audit, vault, kind: executionContextKind.name, log, onDamage: damaged
  })
  const rotateAfterMs = config.keyRing.rotationHours * HOUR_MS
  const rootKey = loadRootKey(config.keyRing.root)
  const stopKeeping = keepKeys({ ring, rootKey, trees, store, integrity, log, clock, rotateAfterMs })

  const failures = new FailedAuthentications(({ requestId, remoteAddress }, count) =>
    audit.recordEventually({
      event: 'authentication_failed',
      caller: ANONYMOUS,
      request_id: requestId,
      remote_address: remoteAddress,
      outcome: 'unauthenticated',
      count
    }))

  const { operationTimeoutMs } = config
  const hub = new Hub(feed)
  const dependencies = { store, hub, audit, vault, clock, lifetimes: config.lifetimes }
  const operations = createOperations(dependencies, createObserver(log), operationTimeoutMs)
  const bodies = new Bodies(BODY_LIMIT)
  const ready = readiness(operationTimeoutMs, async () => {
    audit.admit()
    await store.ready()
    await admitSealing()
  })
  const publisher = config.events && await openPublisher(config.events, clock, listenersOf(log))
  const runToken = runTokenOf(store, vault)
  const { http, gate } = await createServer({
    ...config,
    transports: [createConnect(operations, bodies), createRest(operations, bodies)],
    authentication: {
      authenticate: await authenticator(id => within(operationTimeoutMs, runToken(id)), config, log, clock),
      failed: shown => failures.add(shown)
    },
    ready,
    log
  })
  // What it is made of takes a while to load.
  const { createGrpc } = config.grpcPort === undefined ? {} : await import('../rpc/grpc/grpc.js')
  const grpc = createGrpc?.(operations, bodies, gate, { tls: config.tls, ready, log })
  await audit.record({ event: 'started', caller: SYSTEM, outcome: 'ok' })
  const stopSweeping = keepSweeping({ store, log })
  const stopTrimming = keepTrimming({ feed, log, keepMs: config.eventsKeepMs })
  const publication = publisher && new Publication({ feed, deliveries: engine.deliveries, publisher, clock, log })
  const { auditAnchor, sink } = config
  const toSyslog: Anchor = { append: async jws => sink?.send('head', [jws]) }
  const anchor = auditAnchor === 'syslog' ? toSyslog : auditAnchor && new AnchorFile(auditAnchor)
  const stopSigning = anchor && keepHeads({ audit, anchor, key: headKey(rootKey), clock, log })

  let closing: Promise<void> | undefined
  const close = () => (closing ??= (async () => {
    await Promise.all([http.close(), grpc?.close()])
    await Promise.all([stopKeeping(), stopSweeping(), stopTrimming(), stopGuarding?.(), publication?.stop()])
    hub.close()
    failures.flush()
    audit.recordEventually({ event: 'stopped', caller: SYSTEM, outcome: 'ok' })
    if (stopSigning) await stopSigning()
    await engine.close()
    await config.sink?.close()
  })())
  return { http, grpc, close, damage }
}

/** What resolves when `work` does: in time, or else it is `unavailable`. */
const readiness = (ms: number, work: () => Promise<void>) => () => within(ms, work()).catch(error => {
  if (GatewayError.from(error).code !== 'deadline_exceeded') throw error
  throw new GatewayError('unavailable', 'the disk, or the database, does not answer', { cause: error })
})

/**
 * Whether nothing is sealed, for sure. Where something is, a missing ring was there before: another in its place would be in
 * the way of its return.
 */
const isUnsealed = (store: Store): Promise<boolean> => store.keysInUse().then(({ size }) => size === 0, () => false)
