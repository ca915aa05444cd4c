/** As one writes it for AWS Lambda: a Kinesis stream, which stops at the first failure and names that one only. */
import { appendFile } from 'node:fs/promises'

export const handler = async event => {
  for (const { kinesis } of event.Records) {
    const order = JSON.parse(Buffer.from(kinesis.data, 'base64').toString())
    if (order.total < 0) return { batchItemFailures: [{ itemIdentifier: kinesis.sequenceNumber }] }
    await appendFile(process.env.LEDGER, `${order.id} ${kinesis.partitionKey}\n`)
  }
  return { batchItemFailures: [] }
}
