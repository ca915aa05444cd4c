/** A durable classic queue, filled again for every round with persistent messages, each confirmed. */
import { connect } from 'amqplib'
import { until } from '../../../support/until.ts'
import type { OpenField } from '../arena.ts'
import type { Place } from '../racer.ts'
import { BODY } from '../work.ts'

const SENT_AT_ONCE = 2_000

export const openField = async ({ url, place, records }: Place): Promise<OpenField> => {
  const connection = await connect(url)
  const channel = await connection.createConfirmChannel()
  await channel.assertQueue(place, { durable: true })
  return {
    async fill() {
      for (let sent = 0; sent < records; sent += SENT_AT_ONCE) {
        for (let index = 0; index < SENT_AT_ONCE; index += 1)
          channel.sendToQueue(place, BODY, { persistent: true, messageId: String(sent + index), type: 'job' })
        await channel.waitForConfirms()
      }
    },
    // The consumer is gone: what it had not acknowledged is back.
    verify: () => untilEmpty(() => channel.checkQueue(place)),
    close: () => connection.close(),
  }
}

const untilEmpty = async (
  look: () => Promise<{ readonly messageCount: number; readonly consumerCount: number }>,
): Promise<void> => {
  const { messageCount } = await until('the queue has no consumer', async () => {
    const found = await look()
    return found.consumerCount === 0 && found
  })
  if (messageCount > 0) throw new Error(`the queue must be empty after a round, got ${messageCount} messages`)
}
