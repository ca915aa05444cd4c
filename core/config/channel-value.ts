/** How connectors make the channels that people declare: one way for all of them. */
import type { Channel, ConnectionValue, PositionedChannel, ReadChoice } from './channel.ts'

/** What people write of a channel: its codec and schema, and the options of its type. */
export type WrittenChannel = Partial<Pick<Channel, 'codec' | 'schema'>> & Readonly<Record<string, unknown>>

/** What a channel is by its type. `address` where it is not the connection's name and the channel's. */
export type ChannelNature = Pick<Channel, 'type' | 'ordered' | 'positioned'> & Partial<Pick<Channel, 'address'>>

export const channelValue = (
  connection: ConnectionValue,
  name: string,
  { codec = 'json', schema, ...options }: WrittenChannel,
  nature: ChannelNature,
): Channel => ({ connection, name, address: `${connection.name}/${name}`, codec, schema, options, ...nature })

/** With `read`, for channels on which each group has a position of its own. */
export const readable = (channel: Channel): PositionedChannel => {
  const positioned: PositionedChannel = {
    ...channel,
    read: ({ group, start }: ReadChoice = {}) => ({
      channel: positioned,
      group,
      start: start instanceof Date ? start.getTime() : start,
    }),
  }
  return positioned
}
