/** A connection's inside as the connector makes it, for tests of one source or sink; closed with the test. */
import { openClient } from '../../../connectors/redis/connection.ts'
import type { RedisPlace } from '../../../connectors/redis/place.ts'
import type { RedisOptions } from '../../../connectors/redis/settings.ts'
import { type Clock, systemClock } from '../../../core/clock.ts'
import type { ChannelRef, ReadOptions } from '../../../core/contract.ts'
import { type Log, silentLog } from '../../../core/log.ts'
import type { Scope } from '../../support/brokers/broker.ts'

export const READ: ReadOptions = { group: 'test', start: 'earliest', maxInFlight: 1_000 }

export const placeOn = async (
  scope: Scope,
  options: RedisOptions,
  log: Log = silentLog,
  clock: Clock = systemClock,
): Promise<RedisPlace> => {
  const tools = { clock, log, random: Math.random }
  const commands = openClient('shop', options, 'commands', tools)
  const clients = [commands]
  scope.after(async () => {
    for (const client of clients) client.close()
  })
  await commands.ready(10_000)
  return {
    name: 'shop',
    ...tools,
    commands,
    openClient(use) {
      const client = openClient('shop', options, use, tools)
      clients.push(client)
      return client
    },
  }
}

/** A channel as the configuration hands it on, with the options that differ from their defaults. */
export const channelRef = (
  type: 'stream' | 'list' | 'subscription',
  name: string,
  options: ChannelRef['options'] = {},
): ChannelRef => ({ type, name, address: `shop/${name}`, options })
