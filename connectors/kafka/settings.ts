/** The options of a connection as numbers, defaults filled in. Validation has seen each; here they meet. */
import type { OptionSpec } from '../../core/config/option.ts'
import { MillraceError } from '../../core/errors.ts'
import { kafkaOptions } from './channel.ts'
import type { KafkaOptions } from './client.ts'
import type { Timing } from './session.ts'

export interface ConnectionSettings {
  readonly timing: Timing
  /** Milliseconds. */
  readonly connectionTimeoutMs: number
  /** Whether retry topics that are missing are made. */
  readonly createTopics: boolean
}

/** Of the rebalance timeout: the rest is for committing and joining. */
const DRAIN_SHARE = 0.75

/** Throws CONFIG_INVALID. */
export const connectionSettings = (name: string, options: KafkaOptions): ConnectionSettings => {
  const { connection } = kafkaOptions
  const read = <Value>(
    spec: Pick<OptionSpec<unknown, Value>, 'default' | 'parse'>,
    written: unknown,
    path: string,
  ): Value => {
    if (written === undefined) return spec.default
    const parsed = spec.parse(written, `connections.${name}.${path}`, spec.default)
    if ('value' in parsed) return parsed.value
    throw invalid(parsed.problems.map(problem => `${problem.path} ${problem.message}`).join('\n'))
  }
  const rebalanceMs = read(connection.rebalanceTimeout, options.rebalanceTimeout, 'rebalanceTimeout')
  const drainMs = read(connection.rebalanceDrain, options.rebalanceDrain, 'rebalanceDrain')
  if (options.rebalanceDrain !== undefined && drainMs > DRAIN_SHARE * rebalanceMs)
    throw invalid(
      `connections.${name}.rebalanceDrain must be at most three quarters of rebalanceTimeout (${rebalanceMs} ms), got ${drainMs} ms`,
    )
  return {
    timing: {
      sessionMs: read(connection.sessionTimeout, options.sessionTimeout, 'sessionTimeout'),
      rebalanceMs,
      drainMs: Math.min(drainMs, DRAIN_SHARE * rebalanceMs),
      refreshMs: read(connection.topicRefresh, options.topicRefresh, 'topicRefresh'),
      fetchBytes: read(connection.fetchBytes, options.fetchBytes, 'fetchBytes'),
    },
    createTopics: read(connection.createTopics, options.createTopics, 'createTopics'),
    connectionTimeoutMs: read(connection.connectionTimeout, options.connectionTimeout, 'connectionTimeout'),
  }
}

const invalid = (message: string): MillraceError => new MillraceError('CONFIG_INVALID', message, { fatal: true })
