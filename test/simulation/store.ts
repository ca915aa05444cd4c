/** A simulated dead letter store, which outlives processes and is down at times. */
import type { DeadLetter, JointWrite } from '../../core/contract.ts'
import type { DeadLetterStore, Recalled, RememberedAttempts } from '../../core/dead-letters.ts'
import { MillraceError } from '../../core/errors.ts'
import { DATABASE } from './source.ts'
import type { Host, World } from './world.ts'

export interface StoreState {
  readonly letters: Map<string, DeadLetter>
  readonly attempts: Map<string, RememberedAttempts>
  /** Lanes and keys that stopped behind a letter. */
  readonly stopped: Set<string>
  readonly onGoOn: () => void
  /** Letters that were parked again in a replay count anew. */
  readonly onParked: (letter: DeadLetter) => void
}

export const openStore = (world: World, state: StoreState, host: Host): DeadLetterStore => {
  // What was asked first is done first, as in a database with one writer.
  let turn: Promise<void> = Promise.resolve()
  const ask = async (): Promise<void> => {
    await host.guard('asking the store')
    turn = turn.then(() => host.latency(world.scenario.storeMs))
    await turn
    if (world.isOn('store down')) throw new MillraceError('STATE_UNAVAILABLE', 'the simulated store is down')
  }
  const answer = (): void => {
    if (world.isOn('store unanswered')) throw new MillraceError('STATE_UNAVAILABLE', 'the answer was lost')
  }
  const park = (letters: readonly DeadLetter[], joint: JointWrite | undefined): 'parked' | 'settled' => {
    for (const letter of letters) {
      state.letters.set(letter.record.id, letter)
      state.attempts.delete(letter.record.id)
      if (letter.stops !== undefined) state.stopped.add(letter.stops)
      state.onParked(letter)
    }
    if (joint?.database !== DATABASE) return 'parked'
    joint.write()
    return 'settled'
  }
  return {
    async park(letters, joint) {
      await ask()
      // A transaction whose answer is lost is rolled back as far as one can tell; a plain write may have happened.
      if (joint) answer()
      const how = park(letters, joint)
      if (!joint) answer()
      return how
    },
    async recall(_mapping, _source, ids) {
      await ask()
      const known = ids.flatMap((id): [string, Recalled][] => {
        const [letter, remembered] = [state.letters.get(id), state.attempts.get(id)]
        return letter || remembered ? [[id, { attempts: [], ...remembered, parked: letter !== undefined }]] : []
      })
      return new Map(known)
    },
    async remember(_mapping, _source, entries) {
      await ask()
      for (const entry of entries) if (!state.letters.has(entry.id)) state.attempts.set(entry.id, entry)
    },
    async stopped() {
      await ask()
      return new Set(state.stopped)
    },
    async goOn() {
      await ask()
      const names = [...state.stopped]
      state.stopped.clear()
      state.onGoOn()
      answer()
      return names
    },
    async forget(_mapping, _source, ids) {
      await ask()
      for (const id of ids) state.attempts.delete(id)
    },
  }
}
