import { homedir } from 'node:os'
import { join } from 'node:path'

/** The newest that runs on Java 17. */
export const KAFKA_VERSION = '4.4.0'

/** Outside the checkout: downloaded once for all checkouts of a user. */
export const CACHE = join(homedir(), '.cache', 'millrace-test')

/** Holds all jars of the broker when it is there. */
export const kafkaJars = (): string => join(CACHE, `kafka-${KAFKA_VERSION}`)
