/** Kafka's own clients, in Java: what producers and consumers of others send and read. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { findBroker, onPath, WANT } from './found.ts'
import { kafkaJars, TOOLS_VERSION } from './kafka-jars.ts'

/** Why tests that need them are to be skipped, or false. */
export const javaMissing = (): string | false => {
  const kafka = findBroker('kafka')
  if (kafka.from === 'nowhere') return kafka.reason
  return existsSync(kafkaJars(TOOLS_VERSION)) && onPath('java')
    ? false
    : `${WANT}no console clients of Kafka ${TOOLS_VERSION} here; 'node test/brokers.ts' installs them where Maven can`
}

export interface JavaRecord {
  readonly key: string
  readonly value: string
}

const TAB = '\t'

/** Sends these with Java's producer, many in a batch, and resolves when the broker has confirmed them. */
export const javaProduce = async (
  brokers: string,
  topic: string,
  records: readonly JavaRecord[],
  compression = 'none',
): Promise<void> => {
  const batches = ['--request-required-acks', 'all', '--compression-codec', compression, '--timeout', '200']
  const parsing = ['--property', 'parse.key=true', '--property', `key.separator=${TAB}`]
  const lines = records.map(({ key, value }) => `${key}${TAB}${value}\n`).join('')
  const main = 'kafka.tools.ConsoleProducer'
  await runJava([main, '--bootstrap-server', brokers, '--topic', topic, ...batches, ...parsing], lines)
}

/** The first `count` records of a topic as Java's consumer reads them, by partition. */
export const javaConsume = async (
  brokers: string,
  topic: string,
  count: number,
): Promise<readonly (JavaRecord & { readonly partition: number })[]> => {
  const shown = ['print.key=true', 'print.partition=true', `key.separator=${TAB}`].flatMap(each => ['--property', each])
  const main = 'org.apache.kafka.tools.consumer.ConsoleConsumer'
  const limits = ['--from-beginning', '--max-messages', String(count), '--timeout-ms', '30000']
  const output = await runJava([main, '--bootstrap-server', brokers, '--topic', topic, ...limits, ...shown], '')
  return output
    .split('\n')
    .filter(line => line.startsWith('Partition:'))
    .map(line => {
      const [partition = '', key = '', value = ''] = line.split(TAB)
      return { partition: Number(partition.replace('Partition:', '')), key, value }
    })
}

const runJava = (args: readonly string[], input: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const all = ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', join(kafkaJars(TOOLS_VERSION), '*')]
    const options = { timeout: 90_000, maxBuffer: 100_000_000 }
    const child = execFile('java', [...all, ...args], options, (error, output, errors) =>
      error ? reject(new Error(`java ${args[0]} failed: ${errors.slice(-2_000)}`, { cause: error })) : resolve(output),
    )
    child.stdin?.end(input)
  })
