/** The same work for every contestant: a queue of 1 KB records, handed to a function that does nothing, by hundreds. */
export const RECORDS_A_ROUND = 20_000
export const BATCH_SIZE = 100
export const BODY = new Uint8Array(1_024).fill(120)

/** Records per second of a round. */
export const perSecond = async (records: number, work: () => Promise<void>): Promise<number> => {
  const start = performance.now()
  await work()
  return records / ((performance.now() - start) / 1_000)
}
