import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
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
}

export type Place = Pick<Work, 'url' | 'place' | 'records'>

let groups = 0

/** A contestant that consumes in a process of its own what the field was filled with. */
export const racer = ({ name, module }: Entrant, place: Place, field: Field): Contestant => ({
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
      const [message] = await Promise.race([once(child, 'message'), over])
      return message
    }
    await answer()
    return {
      async round() {
        groups += 1
        const group = `bench-${groups}`
        const work: Work = { ...place, group, folder: join(folder, group) }
        await mkdir(work.folder)
        await field.fill(work)
        const answered = answer()
        child.send(work)
        const perSecond = Number(await answered)
        await field.verify(work)
        return perSecond
      },
      async close() {
        child.kill()
        await ended
      },
    }
  },
})
