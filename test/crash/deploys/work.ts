/** Writes down what it was given before it does anything: `job attempt`; of `held` also how it ended. */
import { appendFileSync, existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { onRecord } from 'millrace'
import { jobs } from './channels.ts'

const { DEPLOYS_DONE = '', DEPLOYS_GO = '' } = process.env
const LOOK_MS = 20

const say = (line: string): void => appendFileSync(DEPLOYS_DONE, `${line}\n`)

export const handler = onRecord(jobs, async ({ data: { job }, attempt }, { signal }) => {
  say(`${job} ${attempt}`)
  if (job === 'bad') throw new Error('it always fails')
  if (job !== 'held') return
  while (!existsSync(DEPLOYS_GO) && !signal.aborted) await pause(LOOK_MS)
  say(`held ${signal.aborted ? 'was told that it is lost' : 'has ended'}`)
})
