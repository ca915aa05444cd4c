import { consumeWith } from '../millrace.ts'
import type { Consume } from '../work.ts'
import { queue } from './queue.ts'

export const consume: Consume = (work, progress) =>
  consumeWith({ source: queue, file: `${import.meta.dirname}/noop.ts`, isolation: 'process' }, work, progress)
