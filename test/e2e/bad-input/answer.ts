/** Answers what the record asks for; a batch that asks for something bad gets it as a whole. */
import { onBatch } from 'millrace'
import { answers, hastyAnswers } from './channels.ts'

const circular: { self?: unknown } = {}
circular.self = circular

const BAD: Readonly<Record<string, () => unknown>> = {
  nonsense: () => ({ sure: 'fine' }),
  'a number': () => 42,
  'fifty megabytes': () => ({ batchItemFailures: [{ itemIdentifier: 'x'.repeat(50 * 2 ** 20) }] }),
  'a circle': () => circular,
  'an unknown id': () => ({ batchItemFailures: [{ itemIdentifier: 'nobody' }] }),
  'no id': () => ({ batchItemFailures: [{}] }),
  exit: () => process.exit(0),
  abort: () => process.abort(),
  'busy loop': () => {
    for (;;);
  },
  'out of memory': () => {
    const hoard: unknown[] = []
    for (;;) hoard.push(new Array(10_000).fill(1.5))
  },
}

export const handler = onBatch([answers, hastyAnswers], async batch => {
  const asked = batch.map(record => record.data.answer).find(answer => answer in BAD)
  return (asked === undefined ? undefined : BAD[asked]?.()) as undefined
})
