/** A contestant in a process of its own, so that none runs on code that another has warmed up or made polymorphic. */
import { type Consume, LEAD_RECORDS, type Work } from './work.ts'

const { consume } = (await import(String(process.argv[2]))) as { readonly consume: Consume }

/** Resolves with records per second once all are settled and the contestant has stopped. */
const run = async (work: Work): Promise<number> => {
  const finished = Promise.withResolvers<number>()
  let settled = 0
  let lead: { readonly settled: number; readonly atMs: number } | undefined
  const consuming = await consume(work, more => {
    settled += more
    if (settled >= LEAD_RECORDS) lead ??= { settled, atMs: performance.now() }
    if (settled >= work.records && lead)
      finished.resolve((settled - lead.settled) / ((performance.now() - lead.atMs) / 1_000))
  })
  const perSecond = await finished.promise
  await consuming.stop()
  return perSecond
}

process.on('message', async (work: Work) => process.send?.(await run(work)))
process.send?.('ready')
