import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Broker, Scope } from './broker.ts'
import { KAFKA_VERSION, kafkaWarmth } from './kafka-jars.ts'
import { dataIn, format, java, type KafkaOptions, propertiesText, READY } from './kafka-program.ts'
import { scramArguments } from './kafka-security.ts'
import { freePort } from './ports.ts'
import { runBroker } from './run.ts'

/** One node of Apache Kafka, broker and controller in one; topics are created by being asked for, with one partition. */
export const startKafka = (scope: Scope, options: KafkaOptions = {}): Promise<Broker> =>
  runBroker(scope, async folder => {
    const port = options.port ?? (await freePort())
    const ports = { clients: port, brokers: await freePort(), controllers: await freePort() }
    const file = join(folder, 'server.properties')
    await writeFile(file, propertiesText(folder, ports, options))
    const { archive, formatted } = kafkaWarmth()
    const users = scramArguments(options)
    if (users.length === 0 && existsSync(formatted)) await cp(formatted, dataIn(folder), { recursive: true })
    else await promisify(execFile)('java', [...format(file, ...users)])
    const classes = existsSync(archive) ? [`-XX:SharedArchiveFile=${archive}`] : []
    return {
      kind: 'kafka',
      version: KAFKA_VERSION,
      url: `127.0.0.1:${options.advertisedPort ?? port}`,
      programs: [{ name: 'kafka', command: 'java', args: [...classes, ...java('kafka.Kafka', file)], ready: READY }],
    }
  })
