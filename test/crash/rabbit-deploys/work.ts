/** Writes down what it was given before it does anything: `job attempt`; a long job also that it has ended. */
import { appendFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { onRecord } from 'millrace'
import { jobs } from './channels.ts'

const LONG_MS = 1_500

const say = (line: string): void => appendFileSync(String(process.env.DEPLOYS_DONE), `${line}\n`)

export const handler = onRecord(jobs, async ({ data: { job }, attempt }) => {
  say(`${job} ${attempt}`)
  if (job === 'bad') throw new Error('it always fails')
  if (job !== 'long') return
  await pause(LONG_MS)
  say('long has ended')
})
