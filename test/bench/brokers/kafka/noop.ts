import { onBatch } from 'millrace'
import { topic } from './topic.ts'

export const handler = onBatch(topic, async () => undefined)
