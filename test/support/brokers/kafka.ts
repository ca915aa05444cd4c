import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Broker, Scope } from './broker.ts'
import { KAFKA_VERSION, kafkaJars } from './kafka-jars.ts'
import { type KafkaSecurity, scramArguments, securitySettings } from './kafka-security.ts'
import { freePort } from './ports.ts'
import { runBroker } from './run.ts'

export interface KafkaOptions extends KafkaSecurity {
  /** Where it listens; default: a free port. */
  readonly port?: number
  /** What it tells clients to connect to, e.g. a proxy's; default: where it listens. */
  readonly advertisedPort?: number
  /** More lines of server.properties. */
  readonly settings?: Readonly<Record<string, string | number>>
}

const CLUSTER_ID = '4L6g3nShT-eMCtK--X86sw'
/** One node of Apache Kafka, broker and controller in one; topics are created by being asked for, with one partition. */
export const startKafka = (scope: Scope, options: KafkaOptions = {}): Promise<Broker> =>
  runBroker(scope, async folder => {
    const port = options.port ?? (await freePort())
    const ports = { clients: port, brokers: await freePort(), controllers: await freePort() }
    const settings = { ...serverSettings(folder, ports, options), ...options.settings }
    const file = join(folder, 'server.properties')
    await writeFile(file, propertiesText(settings))
    await promisify(execFile)('java', [
      ...JAVA,
      'kafka.tools.StorageTool',
      'format',
      '-t',
      CLUSTER_ID,
      '-c',
      file,
      ...scramArguments(options),
    ])
    return {
      kind: 'kafka',
      version: KAFKA_VERSION,
      url: `127.0.0.1:${options.advertisedPort ?? port}`,
      programs: [
        { name: 'kafka', command: 'java', args: [...JAVA, 'kafka.Kafka', file], ready: /Kafka Server started/ },
      ],
    }
  })

/** Quick to start rather than quick to run: one compiler, one collector thread, a small heap. */
const JAVA = [
  '-Xmx256m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info',
  '-cp',
  join(kafkaJars(), '*'),
]

interface Ports {
  readonly clients: number
  readonly brokers: number
  readonly controllers: number
}

const serverSettings = (folder: string, { clients, brokers, controllers }: Ports, options: KafkaOptions) => ({
  'process.roles': 'broker,controller',
  'node.id': 1,
  'controller.quorum.voters': `1@127.0.0.1:${controllers}`,
  'controller.listener.names': 'CONTROLLER',
  listeners: `CLIENTS://127.0.0.1:${clients},BROKERS://127.0.0.1:${brokers},CONTROLLER://127.0.0.1:${controllers}`,
  'advertised.listeners': `CLIENTS://127.0.0.1:${options.advertisedPort ?? clients},BROKERS://127.0.0.1:${brokers}`,
  'inter.broker.listener.name': 'BROKERS',
  'log.dirs': join(folder, 'data'),
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

const propertiesText = (settings: Readonly<Record<string, string | number>>): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
