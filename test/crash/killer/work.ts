/** Writes down what it did; a job named `kills the host` takes the app with it, as a native crash would. */
import { appendFileSync } from 'node:fs'
import { onRecord } from 'millrace'
import { jobs, log } from './channels.ts'

export const handler = onRecord([jobs, log], async ({ id, data, attempt }) => {
  if (data.job === 'kills the host') {
    process.kill(process.ppid, 'SIGKILL')
    await new Promise(() => {})
  }
  if (data.job === 'fails') {
    appendFileSync(String(process.env.DONE), `failed ${attempt}\n`)
    throw new Error('it always fails')
  }
  appendFileSync(String(process.env.DONE), `${id}\n`)
})
