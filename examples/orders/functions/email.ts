/** Would send e-mails; here it counts. By batch: nothing answered means all accepted. */
import { onBatch } from 'millrace'
import { receipts } from '../channels.ts'

export const handler = onBatch(receipts, async (batch, context) => {
  const euros = batch.reduce((sum, receipt) => sum + receipt.data.euroCents, 0) / 100
  context.log.debug('e-mailed receipts', { receipts: batch.length, euros })
})
