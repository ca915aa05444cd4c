/** As one writes it for AWS Lambda: partial failures of an SQS queue. Nothing in it knows Millrace. */
import { appendFile } from 'node:fs/promises'

export const handler = async (event, context) => {
  const batchItemFailures = []
  for (const message of event.Records) {
    try {
      const order = JSON.parse(message.body)
      if (order.total < 0) throw new RangeError(`order ${order.id} has a negative total`)
      await appendFile(
        process.env.LEDGER,
        `${order.id} ${message.messageAttributes.tenant.stringValue} ${context.functionName}\n`,
      )
    } catch {
      batchItemFailures.push({ itemIdentifier: message.messageId })
    }
  }
  return { batchItemFailures }
}
