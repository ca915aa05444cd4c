/** What the function wrote down, and what that says about promises; the judging is pure. */
import { existsSync, readFileSync } from 'node:fs'

export interface Effect {
  readonly partition: number
  readonly offset: number
  readonly n: number
  readonly pid: number
}

/** In the order of writing; the last line may be cut short by a kill. */
export const effectsIn = (file: string): readonly Effect[] => {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  return lines.map(line => {
    const [partition = NaN, offset = NaN, n = NaN, pid = NaN] = line.split(' ').map(Number)
    return { partition, offset, n, pid }
  })
}

export interface Sent {
  readonly records: number
  /** The numbers of those that can only end as dead letters. */
  readonly poison: ReadonlySet<number>
}

export interface Judgement {
  readonly lost: number
  readonly unexpected: number
  readonly duplicates: number
  /** First attempts that came after a first attempt of a later record of their partition. */
  readonly misordered: number
  readonly deadLetters: number
  readonly ok: boolean
}

/** `parked` are the numbers of the dead letters. */
export const judge = (sent: Sent, effects: readonly Effect[], parked: ReadonlySet<number>): Judgement => {
  const seen = new Map<number, number>()
  const highest = new Map<number, number>()
  let misordered = 0
  let duplicates = 0
  for (const { n, partition, offset } of effects) {
    const times = (seen.get(n) ?? 0) + 1
    seen.set(n, times)
    if (times > 1 && !sent.poison.has(n)) duplicates += 1
    if (times > 1) continue
    if (offset < (highest.get(partition) ?? -1)) misordered += 1
    highest.set(partition, Math.max(offset, highest.get(partition) ?? -1))
  }
  let lost = 0
  for (let n = 0; n < sent.records; n += 1) if (sent.poison.has(n) ? !parked.has(n) : !seen.has(n)) lost += 1
  const unexpected =
    [...seen.keys()].filter(n => !(n >= 0 && n < sent.records)).length +
    [...parked].filter(n => !sent.poison.has(n)).length
  return {
    lost,
    unexpected,
    duplicates,
    misordered,
    deadLetters: parked.size,
    ok: lost === 0 && unexpected === 0 && misordered === 0,
  }
}
