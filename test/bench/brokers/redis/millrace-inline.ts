import { consumeWith } from '../millrace.ts'
import type { Consume } from '../work.ts'
import { stream } from './stream.ts'

export const consume: Consume = (work, progress) =>
  consumeWith(
    { source: stream.read({ group: work.group }), file: `${import.meta.dirname}/noop.ts`, isolation: 'inline' },
    work,
    progress,
  )
