/** Writes down what it was given before it does anything: `job attempt`; a long job also how it ended. */
import { appendFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { onRecord } from 'millrace'
import { jobs } from './channels.ts'

const LONG_MS = 15_000

const say = (line: string): void => appendFileSync(String(process.env.DEPLOYS_DONE), `${line}\n`)

export const handler = onRecord(jobs, async ({ data: { job }, attempt }, { signal }) => {
  say(`${job} ${attempt}`)
  if (job === 'bad') throw new Error('it always fails')
  if (job !== 'long') return
  await pause(LONG_MS, undefined, { signal }).catch(() => {})
  say(signal.aborted ? 'long was told that it is lost' : 'long has ended')
})
