/** Appends a line for every record it is given, before anything else: `partition offset n environment`. */
import { appendFileSync } from 'node:fs'
import { onRecord } from 'millrace'
import { jobs } from './channels.ts'

const file = String(process.env.CHAOS_EFFECTS)

export const handler = onRecord(jobs, async ({ data, position }) => {
  appendFileSync(file, `${position?.partition} ${position?.offset} ${data.n} ${process.pid}\n`)
  if (data.fails) throw new Error('it always fails')
  if (data.takesMs !== undefined) await new Promise(resolve => setTimeout(resolve, data.takesMs))
})
