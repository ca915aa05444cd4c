/** What a broker can do, by what it says it is. */
import type { BrokerVersion } from './connection.ts'

/** Other brokers speak AMQP 0-9-1 too; nothing is taken for granted of them. */
export const isAtLeast = ({ product, version }: BrokerVersion, major: number, minor: number): boolean => {
  const [, ownMajor, ownMinor] = /^(\d+)\.(\d+)/.exec(version) ?? []
  if (product !== 'RabbitMQ' || ownMajor === undefined) return false
  return Number(ownMajor) > major || (Number(ownMajor) === major && Number(ownMinor) >= minor)
}
