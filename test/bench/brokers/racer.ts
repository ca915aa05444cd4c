import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../../core/clock.ts'
import { within } from '../../../core/flow/within.ts'
import type { Contestant } from '../contestant.ts'
import type { Work } from './work.ts'

/** What a broker does for a round. */
export interface Field {
  /** Sees to it that the records are there. */
  fill(work: Work): Promise<void>
  /** Rejects unless the broker itself says that nothing is left to be acknowledged. */
  verify(work: Work): Promise<void>
}

export interface Entrant {
  readonly name: string
  /** The file that exports `consume`. */
  readonly module: string
  /** `own`: it keeps its work in structures of its own, fills them and looks that nothing is left. Default: the bench's. */
  readonly field?: 'own'
}

export type Place = Pick<Work, 'url' | 'place' | 'records'>

/** A contestant that has not ended by then never will. */
const ROUND_TIMEOUT_MS = 120_000

let groups = 0

/** A contestant that consumes in a process of its own what the field was filled with. */
export const racer = ({ name, module, field: whose }: Entrant, place: Place, field: Field): Contestant => ({
  name,
  async open(folder) {
    await mkdir(folder, { recursive: true })
    const child = fork(`${import.meta.dirname}/racer-main.ts`, [module], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const ended = once(child, 'exit')
    const answer = async (): Promise<unknown> => {
      const over = ended.then(([code]) => {
        throw new Error(`${name} (${module}) ended with code ${code}`)
      })
      const answered = once(child, 'message').then(([message]) => message)
      return within(systemClock, ROUND_TIMEOUT_MS, Promise.race([answered, over]), () => {
        return new Error(`${name} (${module}) has not settled all records within ${ROUND_TIMEOUT_MS} ms`)
      })
    }
    await answer()
    return {
      async round() {
        groups += 1
        const group = `bench-${groups}`
        const work: Work = { ...place, group, folder: join(folder, group) }
        await mkdir(work.folder)
        if (whose !== 'own') await field.fill(work)
        const answered = answer()
        child.send(work)
        const perSecond = Number(await answered)
        if (whose !== 'own') await field.verify(work)
        return perSecond
      },
      async close() {
        child.kill()
        await ended
      },
    }
  },
})
