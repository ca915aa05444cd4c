/** What the function wrote down, and what that says of the promises. Pure; `judge.test.ts` plants what it must find. */

/** One record given to the function, as it wrote it down before anything else. */
export interface Effect {
  readonly n: number
  /** Whether the body was whole. */
  readonly whole: 'whole' | 'corrupted'
  /** Where an ordered source had it; empty where nothing is promised of order. */
  readonly lane: string
  readonly offset: number
}

export const effectLine = ({ n, whole, lane, offset }: Effect): string => `${n} ${whole} ${lane} ${offset}\n`

/** In the order of writing; the last line may be cut short by a kill. */
export const readEffects = (text: string): readonly Effect[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map(line => {
      const [n, whole, lane, offset] = line.split(' ')
      return {
        n: Number(n),
        whole: whole === 'whole' ? 'whole' : 'corrupted',
        lane: lane ?? '',
        offset: Number(offset),
      }
    })

/** What was to happen. */
export interface Expected {
  readonly records: number
  /** The numbers of those that can only end as dead letters. */
  readonly poison: ReadonlySet<number>
  /** How many records may at most have been run twice: what was in flight at each fault. */
  readonly duplicateBound: number
}

/** A dead letter: the number of its record, or undefined when its body is not what was sent. */
export type Parked = readonly (number | undefined)[]

export interface Judgement {
  readonly lost: number
  readonly unexpected: number
  readonly corrupted: number
  /** First runs that came after the first run of a later record of their lane. */
  readonly misordered: number
  readonly duplicates: number
  readonly duplicateBound: number
  readonly poison: number
  readonly deadLetters: number
  readonly ok: boolean
}

export const judge = (expected: Expected, effects: readonly Effect[], parked: Parked): Judgement => {
  const { records, poison, duplicateBound } = expected
  const runs = new Map<number, number>()
  for (const { n } of effects) runs.set(n, (runs.get(n) ?? 0) + 1)
  const letters = new Set(parked.filter(n => n !== undefined))
  const isOurs = (n: number): boolean => Number.isInteger(n) && n >= 0 && n < records
  let lost = 0
  for (let n = 0; n < records; n += 1) if (poison.has(n) ? !letters.has(n) : !runs.has(n)) lost += 1
  const judgement = {
    lost,
    unexpected: [...runs.keys()].filter(n => !isOurs(n)).length + [...letters].filter(n => !poison.has(n)).length,
    corrupted: effects.filter(({ whole }) => whole === 'corrupted').length + parked.filter(n => n === undefined).length,
    misordered: misordered(effects),
    duplicates: [...runs].reduce((sum, [n, times]) => sum + (poison.has(n) ? 0 : times - 1), 0),
    duplicateBound,
    poison: poison.size,
    deadLetters: letters.size,
  }
  const { unexpected, corrupted, duplicates } = judgement
  const broken = lost + unexpected + corrupted + judgement.misordered
  return { ...judgement, ok: broken === 0 && duplicates <= duplicateBound }
}

const misordered = (effects: readonly Effect[]): number => {
  const seen = new Set<number>()
  const highest = new Map<string, number>()
  let count = 0
  for (const { n, lane, offset } of effects) {
    if (lane === '' || lane === '-' || seen.has(n)) continue
    seen.add(n)
    const last = highest.get(lane) ?? -1
    if (offset < last) count += 1
    else highest.set(lane, offset)
  }
  return count
}
