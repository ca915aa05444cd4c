/** How long the breaker was open, for the age of records: an outage ages nobody, not even what still lay in the broker. */
export interface OpenTime {
  /** The breaker opened or closed at `at`, milliseconds since the epoch. */
  turned(state: 'open' | 'closed', at: number): void
  /** Milliseconds between two times, since the epoch, for which it was open, as far as this process knows. */
  between(from: number, to: number): number
}

interface Spell {
  readonly from: number
  to: number
}

/** Beyond this many the oldest are forgotten: their records were either tried since or are very old. */
const KEPT_SPELLS = 1_000

export const createOpenTime = (): OpenTime => {
  const spells: Spell[] = []
  return {
    turned(state, at) {
      const last = spells.at(-1)
      if (state === 'closed' && last) last.to = at
      if (state === 'open') spells.push({ from: at, to: Number.POSITIVE_INFINITY })
      if (spells.length > KEPT_SPELLS) spells.shift()
    },
    between: (from, to) =>
      spells.reduce((sum, spell) => sum + Math.max(0, Math.min(to, spell.to) - Math.max(from, spell.from)), 0),
  }
}
