/** Writes down what it was given before it does anything: `job attempt`. */
import { appendFileSync } from 'node:fs'
import { onRecord } from 'millrace'
import { jobs } from './channels.ts'

export const handler = onRecord(jobs, async ({ data: { job }, attempt }) => {
  appendFileSync(String(process.env.DEPLOYS_DONE), `${job} ${attempt}\n`)
  if (job === 'bad') throw new Error('it always fails')
})
