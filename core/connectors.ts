/** Connectors by their kind. Clients are loaded when a connection of their kind is opened, not before. */
import type { LoadConnector } from './connections.ts'
import { MillraceError } from './errors.ts'

export const loadConnector: LoadConnector = async kind => {
  if (kind === 'embedded') return (await import('../connectors/embedded/connector.ts')).embeddedConnector
  if (kind === 'redis') return (await import('../connectors/redis/connector.ts')).redisConnector
  if (kind === 'kafka') return (await import('../connectors/kafka/connector.ts')).kafkaConnector
  if (kind === 'rabbitmq') return (await import('../connectors/rabbitmq/connector.ts')).rabbitConnector
  if (kind === 'files') return (await import('../connectors/files/connector.ts')).filesConnector
  if (kind === 'postgres') return (await import('../connectors/postgres/connector.ts')).postgresConnector
  if (kind === 'cron') return (await import('../connectors/cron/connector.ts')).cronConnector
  if (kind === 'cloudevents') return (await import('../connectors/cloudevents/connector.ts')).cloudEventsConnector
  if (kind === 'http') return (await import('../connectors/http/connector.ts')).httpConnector
  throw new MillraceError('CONFIG_INVALID', `connections: there is no connector of kind ${JSON.stringify(kind)}`, {
    fatal: true,
  })
}
