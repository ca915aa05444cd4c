import { onBatch } from 'millrace'
import { queue } from './queue.ts'

export const handler = onBatch(queue, async () => undefined)
