/** What the sources and sinks of one connection are handed. */
import type { Clock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import type { ClientUse, RedisClient } from './connection.ts'

export interface RedisPlace {
  /** Of the connection, for messages. */
  readonly name: string
  readonly clock: Clock
  readonly log: Log
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** Shared by all of the connection; nothing that blocks is sent on it. Closed with the connection. */
  readonly commands: RedisClient
  /** A client of one's own, to be closed by whoever opened it. */
  openClient(use: ClientUse): RedisClient
}
