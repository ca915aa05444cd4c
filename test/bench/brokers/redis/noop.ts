import { onBatch } from 'millrace'
import { stream } from './stream.ts'

export const handler = onBatch(stream, async () => undefined)
