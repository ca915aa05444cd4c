/** What the lines of some readers (`reader-main.ts`) say of the slots of a schedule that is due every second. */
export interface SlotsJudgement {
  /** Claimed once, and done. */
  readonly once: number
  /** Claimed again because a claim had ended without a verdict, and named so. */
  readonly again: number
  /** Slots between the first and the last that nobody claimed. */
  readonly holes: readonly string[]
  /** Claimed twice, or done twice, without that. */
  readonly unexplained: readonly string[]
  /** Claimed and not done. */
  readonly open: readonly string[]
}

/** `has cron:nightly:2026-01-01T00:00:00Z 1` · `done cron:nightly:…` */
export const judgeSlots = (lines: readonly string[]): SlotsJudgement => {
  const claims = new Map<string, number[]>()
  const done = new Map<string, number>()
  for (const line of lines) {
    const [, has = '', prior = ''] = /^has (\S+) (\d+)$/.exec(line) ?? []
    const [, ended = ''] = /^done (\S+)$/.exec(line) ?? []
    if (has) claims.set(has, [...(claims.get(has) ?? []), Number(prior)])
    if (ended) done.set(ended, (done.get(ended) ?? 0) + 1)
  }
  const ids = [...claims.keys()].toSorted()
  const isExplained = (id: string): boolean => {
    const priors = (claims.get(id) ?? []).toSorted((one, other) => one - other)
    return priors.every((prior, index) => prior === index) && (done.get(id) ?? 0) <= priors.length
  }
  const isOnce = (id: string): boolean => claims.get(id)?.length === 1 && done.get(id) === 1
  return {
    once: ids.filter(isOnce).length,
    again: ids.filter(id => (claims.get(id)?.length ?? 0) > 1 && isExplained(id)).length,
    holes: holesIn(ids),
    unexplained: ids.filter(id => !isExplained(id)),
    open: ids.filter(id => !done.has(id)),
  }
}

const holesIn = (ids: readonly string[]): readonly string[] => {
  const times = ids.map(id => Date.parse(id.slice(id.indexOf(':', 5) + 1)))
  const all = new Set(times)
  const holes: string[] = []
  for (let time = times[0] ?? 0; time <= (times.at(-1) ?? 0); time += 1_000)
    if (!all.has(time)) holes.push(new Date(time).toISOString())
  return holes
}
