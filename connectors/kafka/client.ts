/** kafkajs with our options, our log and our patience. */
import kafkajs, { type Kafka, type KafkaConfig, type LogEntry } from 'kafkajs'
import { reveal, type Secret } from '../../core/config/secret.ts'
import { MillraceError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { registerCodecs } from './compression.ts'
import { mendTimers } from './quiet.ts'
import { type Sasl, saslOf, type Tls, tlsOf } from './security.ts'
import { createSockets } from './socket.ts'

type Text = string | Secret

/** The options of `kafka(name, { … })` with secrets resolved; what the user left out is left out here. */
export interface KafkaOptions {
  readonly brokers: Text | readonly Text[]
  readonly clientId?: Text
  readonly ssl?: boolean | Tls
  readonly sasl?: Sasl
  readonly connectionTimeout?: string
  readonly sessionTimeout?: string
  readonly rebalanceTimeout?: string
  readonly rebalanceDrain?: string
  readonly topicRefresh?: string
  readonly createTopics?: boolean
  readonly fetchBytes?: string | number
}

/** For a single question; whoever asked tries again with pauses of the core's. */
const RETRY = { initialRetryTime: 300, maxRetryTime: 5_000, retries: 3 }
/** About 20 s: how long a broker may be away before a consumer gives up its partitions and is made anew. */
export const CONSUMER_RETRY = {
  initialRetryTime: 300,
  maxRetryTime: 5_000,
  retries: 7,
  // The one who restarts is the source: a restart of kafkajs's own may outlive its stop (kafkajs#1639).
  restartOnFailure: async () => false,
}

export interface ClientTools {
  readonly log: Log
  readonly connectionTimeoutMs: number
}

export interface Client {
  readonly kafka: Kafka
  /** After all is closed: what kafkajs still waits for, the answer to a join above all, would keep the process alive. */
  destroy(): void
}

export const createClient = (name: string, options: KafkaOptions, tools: ClientTools): Client => {
  mendTimers()
  registerCodecs()
  const sockets = createSockets()
  const config: KafkaConfig = {
    clientId: options.clientId === undefined ? `millrace-${name}` : reveal(options.clientId),
    brokers: brokersOf(name, options.brokers),
    connectionTimeout: tools.connectionTimeoutMs,
    retry: RETRY,
    socketFactory: sockets.open,
    logLevel: kafkajs.logLevel.WARN,
    logCreator: () => entry => writeLog(tools.log, entry),
  }
  if (options.ssl !== undefined) config.ssl = tlsOf(options.ssl)
  if (options.sasl !== undefined) config.sasl = saslOf(name, options.sasl)
  return { kafka: new kafkajs.Kafka(config), destroy: sockets.destroy }
}

/** `host:port` each; a text may hold several with commas between, as an environment variable does. */
export const brokersOf = (name: string, brokers: KafkaOptions['brokers']): string[] => {
  const texts: readonly Text[] = isList(brokers) ? brokers : [brokers]
  const listed = texts.flatMap(text => reveal(text).split(',')).map(text => text.trim())
  const found = listed.filter(text => text !== '')
  const wrong = found.find(text => !/^(?:\[[0-9a-f:.]+\]|[^\s:/@]+):\d{1,5}$/i.test(text))
  if (wrong === undefined && found.length > 0) return found
  throw new MillraceError(
    'CONFIG_INVALID',
    `connections.${name}.brokers must be host:port, several with commas between, got ${JSON.stringify(wrong ?? '')}`,
    { fatal: true },
  )
}

const isList = (value: KafkaOptions['brokers']): value is readonly Text[] => Array.isArray(value)

/** What kafkajs calls an error it mostly tries again by itself; what it gives up on reaches us as an error of our own. */
const writeLog = (
  log: Log,
  { level, namespace, log: { message, timestamp: _, logger: __, ...fields } }: LogEntry,
): void => {
  const text = `kafkajs ${namespace}: ${message}`
  if (level === kafkajs.logLevel.ERROR) log.warn(text, fields)
  else log.debug(text, fields)
}
