import { homedir } from 'node:os'
import { join } from 'node:path'

/** The newest that runs on Java 17, unless another is asked for: `MILLRACE_KAFKA_VERSION=3.9.1 npm test test/connectors/kafka`. */
export const KAFKA_VERSION = process.env.MILLRACE_KAFKA_VERSION ?? '4.4.0'

/** Outside the checkout: downloaded once for all checkouts of a user. */
export const CACHE = join(homedir(), '.cache', 'millrace-test')

/** The last whose console clients, Kafka's own in Java, can be had from Maven. */
export const TOOLS_VERSION = '3.9.1'

/** Holds all jars of the broker when it is there; that of `TOOLS_VERSION` the console clients, too. */
export const kafkaJars = (version = KAFKA_VERSION): string => join(CACHE, `kafka-${version}`)

/** What `provide/warm-kafka.ts` has left for the starts of this version; may not be there. */
export const kafkaWarmth = () => {
  const folder = join(CACHE, `kafka-${KAFKA_VERSION}-warm`)
  const [archiveName, formattedName] = ['classes.jsa', 'formatted']
  return {
    folder,
    archiveName,
    formattedName,
    archive: join(folder, archiveName),
    formatted: join(folder, formattedName),
  }
}
