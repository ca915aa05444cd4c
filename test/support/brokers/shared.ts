import { after } from 'node:test'
import type { Broker, BrokerKind, Scope } from './broker.ts'
import { findBroker, WANT } from './found.ts'
import { startKafka } from './kafka.ts'
import { startPostgres } from './postgres.ts'
import { startRabbit } from './rabbitmq.ts'
import { startRedis } from './redis.ts'

export interface BrokerAddress {
  readonly kind: BrokerKind
  readonly version: string
  readonly url: string
}

/** One broker for all tests of a file, started by the first that asks for it and stopped after the last. */
export interface SharedBroker {
  /** Why tests that need such a broker are to be skipped, or false: `test(name, { skip: kafka.missing }, …)`. */
  readonly missing: string | false
  /** The same for tests that kill, pause or restart it: a broker that runs for others as well cannot be had for that. */
  readonly missingOwn: string | false
  address(): Promise<BrokerAddress>
  /** To kill, pause and restart; the test leaves it running. */
  own(): Promise<Broker>
}

const START: Readonly<Record<BrokerKind, (scope: Scope) => Promise<Broker>>> = {
  kafka: startKafka,
  postgres: startPostgres,
  rabbitmq: startRabbit,
  redis: startRedis,
}

/** To be called at the top of a test file, outside its tests. `start` is for one of our own with special settings. */
export const sharedBroker = (kind: BrokerKind, start = START[kind]): SharedBroker => {
  const found = findBroker(kind)
  const ends: (() => Promise<void>)[] = []
  after(async () => {
    for (const end of ends.toReversed()) await end()
  })
  let started: Promise<Broker> | undefined
  const own = (): Promise<Broker> => {
    started ??= start({ after: end => void ends.push(end) })
    return started
  }
  const missing = found.from === 'nowhere' && found.reason
  const notOurs =
    found.from === 'service' && `${WANT}this ${kind} (${found.origin}) is not ours to kill, pause or restart`
  return {
    missing,
    missingOwn: missing || notOurs,
    own,
    address: async () => (found.from === 'service' ? { kind, version: found.version, url: found.url } : own()),
  }
}
