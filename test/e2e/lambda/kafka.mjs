/** As one writes it for AWS Lambda: a self-managed Kafka topic, with failures by partition and offset. */
import { appendFile } from 'node:fs/promises'

export const handler = async event => {
  const batchItemFailures = []
  for (const [partition, records] of Object.entries(event.records))
    for (const { offset, value, headers } of records) {
      const order = JSON.parse(Buffer.from(value, 'base64').toString())
      const tenant = Buffer.from(headers.find(header => 'tenant' in header).tenant).toString()
      if (order.total < 0) batchItemFailures.push({ itemIdentifier: { partition, offset } })
      else await appendFile(process.env.LEDGER, `${order.id} ${tenant} ${event.bootstrapServers}\n`)
    }
  return { batchItemFailures }
}
