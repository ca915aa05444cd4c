/** Writes down every record it is given, before anything else; takes a little, so that faults find records in flight. */
import { appendFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { onRecord } from 'millrace'
import { checkOf } from '../jobs.ts'
import { effectLine } from '../judge.ts'
import { jobs } from './chosen.ts'

const file = String(process.env.CHAOS_EFFECTS)
/** One record of so many takes this long. */
const SLOW_EVERY = 50
const SLOW_MS = 40

export const handler = onRecord(jobs, async ({ data, position }) => {
  const { n, pad, check, fails } = data
  const whole = checkOf(n, pad) === check ? 'whole' : 'corrupted'
  const { partition = '-', offset = 0 } = position ?? {}
  appendFileSync(file, effectLine({ n, whole, lane: String(partition), offset: Number(offset) }))
  if (fails) throw new Error('it always fails')
  if (n % SLOW_EVERY === 0) await setTimeout(SLOW_MS)
})
