/** Sending over the connections of an app: by address, for each record or for all of them. */
import type { AnyChannel } from './config/channel.ts'
import type { Connections } from './connections.ts'
import type { OutgoingRecord } from './contract.ts'
import { MillraceError } from './errors.ts'

export interface Sending {
  /** Throws CHANNEL_UNKNOWN. */
  channelAt(address: string): AnyChannel
  /** Answers for each record. Rejects with CHANNEL_UNKNOWN. */
  sendEach(
    connections: Connections,
    address: string,
    records: readonly OutgoingRecord[],
  ): Promise<readonly (null | MillraceError)[]>
  /** Rejects with SEND_FAILED when some were not confirmed. */
  sendAll(connections: Connections, address: string, records: readonly OutgoingRecord[]): Promise<void>
}

/** `channels`: those of the configuration as it is now, by address. */
export const createSending = (channels: () => ReadonlyMap<string, AnyChannel>): Sending => {
  const channelAt = (address: string): AnyChannel => {
    const channel = channels().get(address)
    if (channel) return channel
    const known = [...channels().keys()].join(', ') || 'none'
    throw new MillraceError(
      'CHANNEL_UNKNOWN',
      `${address} is not a channel of the configuration; known are: ${known}; list it under channels`,
    )
  }
  const sendEach: Sending['sendEach'] = async (connections, address, records) => {
    const channel = channelAt(address)
    return records.length === 0 ? [] : await (await connections.sink(channel)).send(records)
  }
  return {
    channelAt,
    sendEach,
    async sendAll(connections, address, records) {
      const errors = (await sendEach(connections, address, records)).filter(error => error !== null)
      const [firstError] = errors
      if (firstError)
        throw new MillraceError(
          'SEND_FAILED',
          `${errors.length} of ${records.length} records were not confirmed by ${address}: ${firstError.message}`,
          { cause: firstError },
        )
    },
  }
}
