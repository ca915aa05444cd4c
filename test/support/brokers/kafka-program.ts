/** How Kafka's programs are called: quick to start rather than quick to run. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { kafkaJars } from './kafka-jars.ts'
import { type KafkaSecurity, securitySettings } from './kafka-security.ts'

export interface KafkaOptions extends KafkaSecurity {
  /** Where it listens; default: a free port. */
  readonly port?: number
  /** What it tells clients to connect to, e.g. a proxy's; default: where it listens. */
  readonly advertisedPort?: number
  /** More lines of server.properties. */
  readonly settings?: Readonly<Record<string, string | number>>
}

export interface Ports {
  readonly clients: number
  readonly brokers: number
  readonly controllers: number
}

/** One compiler, one collector thread, a small heap. An archive of classes is for one order of the jars only. */
export const java = (...args: readonly string[]): readonly string[] => [
  '-Xmx256m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info',
  '-cp',
  jars().join(':'),
  ...args,
]

const jars = (): readonly string[] =>
  readdirSync(kafkaJars())
    .filter(name => name.endsWith('.jar'))
    .sort()
    .map(name => join(kafkaJars(), name))

const CLUSTER_ID = '4L6g3nShT-eMCtK--X86sw'

/** Makes the storage that the settings in `file` name. */
export const format = (file: string, ...args: readonly string[]): readonly string[] =>
  java('kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', file, ...args)

/** What the broker says once it can be used. */
export const READY = /Kafka Server started/

/** The lines of server.properties; its data are in `folder`. */
export const propertiesText = (folder: string, ports: Ports, options: KafkaOptions): string =>
  Object.entries({ ...serverSettings(folder, ports, options), ...options.settings })
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')

export const dataIn = (folder: string): string => join(folder, 'data')

const serverSettings = (folder: string, { clients, brokers, controllers }: Ports, options: KafkaOptions) => ({
  'process.roles': 'broker,controller',
  'node.id': 1,
  'controller.quorum.voters': `1@127.0.0.1:${controllers}`,
  'controller.listener.names': 'CONTROLLER',
  listeners: `CLIENTS://127.0.0.1:${clients},BROKERS://127.0.0.1:${brokers},CONTROLLER://127.0.0.1:${controllers}`,
  'advertised.listeners': `CLIENTS://127.0.0.1:${options.advertisedPort ?? clients},BROKERS://127.0.0.1:${brokers}`,
  'inter.broker.listener.name': 'BROKERS',
  'log.dirs': dataIn(folder),
  'num.partitions': 1,
  'offsets.topic.num.partitions': 1,
  'offsets.topic.replication.factor': 1,
  'transaction.state.log.num.partitions': 1,
  'transaction.state.log.replication.factor': 1,
  'transaction.state.log.min.isr': 1,
  'group.initial.rebalance.delay.ms': 0,
  'group.min.session.timeout.ms': 1000,
  // A broker that was killed may register again as soon as its old registration has run out.
  'broker.session.timeout.ms': 2000,
  'broker.heartbeat.interval.ms': 500,
  ...securitySettings(options),
})
