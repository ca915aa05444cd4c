/** What a round does: so many letters are parked, or replayed, a hundred in a transaction. */
export type Job = 'park' | 'replay'

export const LETTERS_A_ROUND = 10_000
export const AT_ONCE = 100

/** Letters in a second, while `work` does a round of them. */
export const perSecond = async (work: () => Promise<void>): Promise<number> => {
  const startMs = performance.now()
  await work()
  return (LETTERS_A_ROUND * 1_000) / (performance.now() - startMs)
}
