/** What was answered, and what of it was processed. Pure; `judge.test.ts` plants what it must find. */
import { kindOf } from '../jobs.ts'
import type { Effect, Parked } from '../judge.ts'

export interface HttpJudgement {
  readonly acknowledged: number
  /** Answered 400: what is no JSON. */
  readonly refused: number
  /** Acknowledged, and neither processed nor parked. */
  readonly lost: number
  /** Answered otherwise than it had to be, or processed and never acknowledged as such. */
  readonly unexpected: number
  readonly corrupted: number
  /** Processed again: sent again without an answer, or in flight at a kill. */
  readonly duplicates: number
  readonly deadLetters: number
  readonly ok: boolean
}

const ACCEPTED = 202
const BAD_REQUEST = 400

/** `answers`: the last status of each job, by its number. */
export const judgeHttp = (answers: Uint16Array, effects: readonly Effect[], parked: Parked): HttpJudgement => {
  const runs = new Uint32Array(answers.length)
  let [corrupted, strangers, duplicates] = [0, 0, 0]
  for (const { n, whole } of effects) {
    if (whole === 'corrupted') corrupted += 1
    else if (answers[n] === ACCEPTED) {
      if ((runs[n] as number) > 0 && kindOf(n) === 'good') duplicates += 1
      runs[n] = (runs[n] as number) + 1
    } else strangers += 1
  }
  const letters = new Set(parked)
  let [acknowledged, refused, lost, wrong] = [0, 0, 0, 0]
  for (const [n, status] of answers.entries()) {
    const kind = kindOf(n)
    if (status === BAD_REQUEST) refused += 1
    if (status !== (kind === 'no JSON' ? BAD_REQUEST : ACCEPTED)) wrong += 1
    if (status !== ACCEPTED) continue
    acknowledged += 1
    // One that was in flight at kill after kill may be taken for what kills, and is parked.
    if (!letters.has(n) && (kind === 'fails' || runs[n] === 0)) lost += 1
  }
  corrupted += parked.filter(n => n === undefined).length
  const unexpected = wrong + strangers
  return {
    acknowledged,
    refused,
    lost,
    unexpected,
    corrupted,
    duplicates,
    deadLetters: letters.size,
    ok: lost + unexpected + corrupted === 0,
  }
}
