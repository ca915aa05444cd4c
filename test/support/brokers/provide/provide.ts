import type { BrokerKind, Scope } from '../broker.ts'
import { type Found, findBroker, WANT } from '../found.ts'
import { aptInstall } from './apt.ts'
import { composeBroker } from './docker.ts'
import { installKafka } from './kafka.ts'
import { mockKafka } from './mock-kafka.ts'
import { warmKafka } from './warm-kafka.ts'

export interface ProvideOptions {
  /** Brokers that had to be started for the whole run end with it. */
  readonly scope: Scope
  /** Takes lines for the reader who waits. */
  readonly say: (line: string) => void
  /** For one broker, all ways together. */
  readonly limitMs: number
}

const INSTALL: Readonly<Record<BrokerKind, (signal: AbortSignal) => Promise<string | undefined>>> = {
  kafka: installKafka,
  postgres: signal => aptInstall(['postgresql'], signal),
  rabbitmq: signal => aptInstall(['rabbitmq-server'], signal),
  redis: signal => aptInstall(['redis-server'], signal),
}

/** What makes its starts quicker, where its programs are here. */
const PREPARE: Readonly<Partial<Record<BrokerKind, (signal: AbortSignal) => Promise<void>>>> = { kafka: warmKafka }

/** Finds, installs or starts a broker; never throws and never takes longer than the limit and a few seconds. */
export const provideBroker = async (kind: BrokerKind, options: ProvideOptions): Promise<Found> => {
  const signal = AbortSignal.timeout(options.limitMs)
  const here = findBroker(kind)
  if (here.from === 'programs') await PREPARE[kind]?.(signal).catch(() => {})
  if (here.from !== 'nowhere') return here
  const say = (line: string): void => options.say(`${kind}: ${line}`)
  const reasons: string[] = []
  const ways: readonly (readonly [string, () => Promise<Found>])[] = [
    ['installing', () => installed(kind, signal)],
    ['trying Docker Compose', () => composeBroker(kind, options.scope, signal)],
    ...(kind === 'kafka'
      ? [["trying librdkafka's mock cluster", () => mockKafka(options.scope, signal)] as const]
      : []),
  ]
  for (const [name, provide] of ways) {
    say(`${name}…`)
    const found = await provide().catch((error: Error): Found => ({ from: 'nowhere', reason: error.message }))
    if (found.from !== 'nowhere') return found
    say(`${name} did not work: ${found.reason}`)
    reasons.push(found.reason)
  }
  return { from: 'nowhere', reason: `${WANT}no ${kind}: ${reasons.join('; ')}` }
}

const installed = async (kind: BrokerKind, signal: AbortSignal): Promise<Found> => {
  const failure = await INSTALL[kind](signal)
  if (failure !== undefined) return { from: 'nowhere', reason: failure }
  await PREPARE[kind]?.(signal).catch(() => {})
  return findBroker(kind)
}
