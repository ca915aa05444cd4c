import { consumeWith } from '../millrace.ts'
import type { Consume } from '../work.ts'
import { topic } from './topic.ts'

export const consume: Consume = (work, progress) =>
  consumeWith(
    { source: topic.read({ group: work.group }), file: `${import.meta.dirname}/noop.ts`, isolation: 'inline' },
    work,
    progress,
  )
