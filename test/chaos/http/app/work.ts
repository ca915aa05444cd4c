/** Writes down every record it is given, before anything else. */
import { appendFileSync } from 'node:fs'
import { onBatch } from 'millrace'
import { checkOf } from '../../jobs.ts'
import { effectLine } from '../../judge.ts'
import { jobs } from './channels.ts'

const file = String(process.env.CHAOS_EFFECTS)

export const handler = onBatch(jobs, async batch => {
  const lines = batch.map(({ data: { n, pad, check } }) =>
    effectLine({ n, whole: checkOf(n, pad) === check ? 'whole' : 'corrupted', lane: '', offset: 0 }),
  )
  appendFileSync(file, lines.join(''))
  const failed = batch.filter(({ data }) => data.fails)
  return { batchItemFailures: failed.map(({ id }) => ({ itemIdentifier: id, error: 'it always fails' })) }
})
