/** The mappings of an app: each reads its channel and, beside it, the replays of its dead letters. */
import { letterToOutgoing } from '../dlq/outgoing.ts'
import { replaySource } from '../dlq/replay.ts'
import { type ReplaySender, replaySender } from '../dlq/replay-sender.ts'
import { replaySenders } from '../dlq/replay-senders.ts'
import type { LetterStore } from '../dlq/store.ts'
import { adoptingEngine } from './adoption.ts'
import type { AppMappingStatus } from './app-status.ts'
import { foreignEventsOf } from './config/foreign-events.ts'
import type { IdempotencyValue } from './config/idempotency-options.ts'
import type { ResolvedConfig, ResolvedMapping } from './config/resolved.ts'
import type { SecretPlaces } from './config/secret.ts'
import type { Connections } from './connections.ts'
import type { DeadLetter, OutgoingRecord } from './contract.ts'
import type { Engine } from './engine/contract.ts'
import { MillraceError } from './errors.ts'
import { bodyCheck } from './event/check-body.ts'
import { recordFilter } from './event/filtered.ts'
import type { MappingSpec, Tools } from './flow/flow.ts'
import { createMapping, type Mapping } from './flow/mapping.ts'
import type { Policy } from './flow/policy.ts'
import { createRequestMapping } from './flow/requests/mapping.ts'
import type { RequestPolicy } from './flow/requests/policy.ts'
import { idempotentEngine } from './idempotency/mapping-engine.ts'
import { keyReader } from './idempotency/mapping-keys.ts'
import { mappingConsumer } from './idempotency/offered.ts'
import { answering, type DeliverAnswer } from './invoke/answering.ts'
import { answerRecord, failureRecord } from './invoke/records.ts'
import type { KeyStores } from './key-stores.ts'
import { ownerToText, thisProcess } from './owner.ts'

export interface Mappings {
  /** Runs the mappings of this configuration from now on; those that did not change are not touched. Answers what did. */
  replace(config: ResolvedConfig): Promise<readonly string[]>
  pause(name: string): Promise<void>
  resume(name: string): Promise<void>
  status(): readonly AppMappingStatus[]
  stop(): Promise<void>
}

/** `replays`: dead letters that were asked to be replayed are read, channels are not. */
export type Sources = 'all' | 'replays'

export interface MappingTools extends Omit<Tools, 'destinations' | 'openSource' | 'store'> {
  readonly sources: Sources
  readonly store: LetterStore
  readonly connections: Connections
  readonly secrets: SecretPlaces
  readonly send: (address: string, records: readonly OutgoingRecord[]) => Promise<void>
  readonly keyStores: KeyStores
  /** As it is now. */
  readonly config: () => ResolvedConfig
  /** Answers for each record. */
  readonly sendEach: (address: string, records: readonly OutgoingRecord[]) => Promise<readonly (null | MillraceError)[]>
}

interface Hosted {
  readonly live: Mapping
  /** Undefined where no function runs dead letters again: for requests, and what is adopted from others. */
  readonly replay: Mapping | undefined
  /** Replays that are sent and run no function. */
  readonly sender: ReplaySender | undefined
  readonly identity: string
}

export const createMappings = (tools: MappingTools): Mappings => {
  const hosted = new Map<string, Hosted>()

  const start = async (app: string, mapping: ResolvedMapping, identity: string): Promise<void> => {
    const { requests } = mapping
    const created: Hosted = requests
      ? { live: requestMapping(app, { ...mapping, requests }, tools), replay: undefined, sender: undefined, identity }
      : {
          live: liveMapping(app, mapping, tools),
          replay: mapping.adopts ? undefined : replayMapping(app, mapping, tools),
          sender: senderOf(mapping, tools),
          identity,
        }
    hosted.set(mapping.name, created)
    created.sender?.start()
    await Promise.all([tools.sources === 'all' && created.live.start(), created.replay?.start()])
  }
  const stop = async (name: string): Promise<void> => {
    const found = hosted.get(name)
    hosted.delete(name)
    await Promise.all([found?.live.stop(), found?.replay?.stop(), found?.sender?.stop()])
  }
  const both = async (name: string, act: 'pause' | 'resume'): Promise<void> => {
    const found = hosted.get(name)
    if (!found)
      throw new MillraceError(
        'APP_STATE',
        `there is no mapping ${JSON.stringify(name)}; there are: ${[...hosted.keys()].join(', ') || 'none'}`,
      )
    found.sender?.[act]()
    await Promise.all([found.live[act](), found.replay?.[act]()])
  }

  return {
    async replace(config) {
      const wanted = new Map(config.mappings.filter(mapping => mapping.enabled).map(mapping => [mapping.name, mapping]))
      const gone = [...hosted]
        .filter(([name, { identity }]) => identityOf(wanted.get(name)) !== identity)
        .map(([name]) => name)
      await Promise.all(gone.map(stop))
      const fresh = [...wanted.values()].filter(mapping => !hosted.has(mapping.name))
      await Promise.all(fresh.map(mapping => start(config.name, mapping, identityOf(mapping))))
      return [...new Set([...gone, ...fresh.map(mapping => mapping.name)])]
    },
    pause: name => both(name, 'pause'),
    resume: name => both(name, 'resume'),
    status: () =>
      [...hosted.values()].map(({ live, replay }) => ({
        ...live.status(),
        ...(replay ? { replay: replay.status() } : {}),
      })),
    async stop() {
      await Promise.all([...hosted.keys()].map(stop))
    },
  }
}

/** Equal for mappings that need no restart: codecs and schemas run with the function, which is exchanged by itself. */
const identityOf = (mapping: ResolvedMapping | undefined): string => {
  if (!mapping) return ''
  const { channel, deadLetters, answers, filter, idempotency, ...plain } = mapping
  const { connection, type, address, options } = channel
  return JSON.stringify([
    plain,
    connection,
    type,
    address,
    options,
    channel.schema !== undefined,
    deadLetters.to.map(to => to.address),
    deadLetters.format,
    filter?.patterns,
    idempotency && { ...idempotency, ...textsOf(idempotency), store: idempotency.store?.name },
    answers && [answers.format, answers.to.map(to => to.address)],
  ])
}

/** Functions by their text: what else they see is not looked at. */
const textsOf = ({ key, validate }: IdempotencyValue): object => ({ key: String(key), validate: String(validate) })

const liveMapping = (app: string, mapping: ResolvedMapping, tools: MappingTools): Mapping => {
  const { channel, group, policy } = mapping
  const read = { group, start: mapping.start, maxInFlight: policy.maxInFlight }
  return createMapping(specOf(app, mapping, policy, tools.secrets), {
    ...toolsOf(app, mapping, tools),
    log: tools.log.with({ mapping: mapping.name }),
    openSource: signal => tools.connections.openSource(channel, { ...read, signal }),
  })
}

/** A request of these asks for something, and brings nothing that a schema could be about. */
const HAVE_NO_BODY: ReadonlySet<unknown> = new Set(['GET', 'HEAD', 'DELETE'])

/** Nothing of it is retried or parked: its callers wait. */
const requestMapping = (
  app: string,
  mapping: ResolvedMapping & { readonly requests: RequestPolicy },
  tools: MappingTools,
): Mapping => {
  const { name, channel, functionName, group, codec, start } = mapping
  const events = foreignEventsOf(mapping, tools.secrets)
  if (!events) throw new TypeError(`mappings.${name}: ${channel.address} takes no requests`)
  const check = bodyCheck(channel)
  return createRequestMapping(
    { app, name, functionName, channel: channel.address, codec, events, policy: mapping.requests },
    {
      ...tools,
      log: tools.log.with({ mapping: name }),
      check: ({ body, properties }) =>
        body === null && HAVE_NO_BODY.has(properties?.method) ? undefined : check(body),
      openSource: signal =>
        tools.connections.openSource(channel, {
          group,
          start,
          maxInFlight: mapping.requests.maxInFlight,
          signal,
        }),
    },
  )
}

/** Replay is a source like any other; order holds among the replayed records of a key, not against live ones. */
const replayMapping = (app: string, mapping: ResolvedMapping, tools: MappingTools): Mapping => {
  const { order } = mapping.policy
  const policy: Policy = { ...mapping.policy, order: order === 'none' ? 'none' : 'key', onDeadLetter: 'continue' }
  const log = tools.log.with({ mapping: mapping.name, replay: true })
  return createMapping(
    { ...specOf(app, mapping, policy, tools.secrets), replayed: true },
    {
      ...toolsOf(app, mapping, tools),
      log,
      openSource: async () =>
        replaySource(tools.store, mapping.name, mapping.channel.address, {
          clock: tools.clock,
          log,
          order: replayOrder(order),
        }),
    },
  )
}

const replayOrder = (order: Policy['order']): 'key' | 'none' => (order === 'none' ? 'none' : 'key')

const senderOf = ({ name, channel, policy, adopts }: ResolvedMapping, tools: MappingTools): ReplaySender => {
  const { clock, store, sendEach: send } = tools
  const options = {
    clock,
    log: tools.log.with({ mapping: name, replay: true }),
    order: replayOrder(policy.order),
    send,
  }
  return adopts ? replaySenders(store, name, options) : replaySender(store, name, channel.address, options)
}

const specOf = (app: string, mapping: ResolvedMapping, policy: Policy, secrets: SecretPlaces): MappingSpec => {
  const events = foreignEventsOf(mapping, secrets)
  return {
    app,
    name: mapping.name,
    functionName: mapping.functionName,
    group: mapping.group,
    channel: mapping.channel.address,
    kind: mapping.channel.connection.kind,
    codec: mapping.codec,
    hasSchema: mapping.channel.schema !== undefined,
    ...(events ? { events } : {}),
    policy,
  }
}

const toolsOf = (
  app: string,
  mapping: ResolvedMapping,
  { connections: _, sources: __, secrets: ___, sendEach: ____, send, keyStores, ...tools }: MappingTools,
): Omit<Tools, 'openSource'> => ({
  ...tools,
  engine: onceEngine(app, mapping, engineOf(mapping, tools, send), { ...tools, keyStores }),
  ...(mapping.filter ? { filter: recordFilter(mapping.channel, mapping.filter.filters) } : {}),
  destinations: mapping.deadLetters.to.map(
    channel => letters => send(channel.address, letters.map(letterRecordFor(mapping, channel.connection.kind))),
  ),
})

/** Mappings with `idempotency` answer themselves for records whose key was processed before. */
const onceEngine = (
  app: string,
  { name, channel, idempotency, policy }: ResolvedMapping,
  engine: Engine,
  { keyStores, clock, log }: Pick<MappingTools, 'keyStores' | 'clock' | 'log'>,
): Engine => {
  if (!idempotency) return engine
  const consumer = mappingConsumer(app, name)
  return idempotentEngine(engine, {
    consumer,
    store: keyStores.of(name),
    owner: ownerToText(thisProcess()),
    readKeys: keyReader(consumer, channel, idempotency),
    ttlMs: idempotency.ttl,
    leaseMs: idempotency.lease,
    onStoreError: idempotency.onStoreError,
    bisect: policy.bisect ? 'on' : 'off',
    clock,
    log,
  })
}

/** Mappings whose events nobody waits for send on what functions answer. */
const engineOf = (
  mapping: ResolvedMapping,
  { engine, clock, log, store, config }: Pick<MappingTools, 'engine' | 'clock' | 'log' | 'store' | 'config'>,
  send: MappingTools['send'],
): Engine => {
  const { answers, functionName } = mapping
  if (mapping.adopts) return adoptingEngine(engine, mapping, { store, clock, mappings: () => config().mappings })
  if (!answers) return engine
  const deliver: DeliverAnswer = async (invocation, report, value) => {
    const record = answerRecord(answers.format, { functionName, invocation, report, value, now: clock.now() })
    await Promise.all(answers.to.map(channel => send(channel.address, [record])))
  }
  return answering(engine, deliver, log)
}

const letterRecordFor =
  ({ answers, deadLetters: { format } }: ResolvedMapping, kind: string) =>
  (letter: DeadLetter): OutgoingRecord =>
    answers?.format === 'lambda' ? failureRecord(letter) : letterToOutgoing(letter, { kind, format })
