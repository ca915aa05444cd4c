/** Taking the configuration and the functions anew while an app runs, and what came of it last. */
import type { ReloadAnswer } from './app-contract.ts'
import { errorInfo } from './errors.ts'
import type { Log } from './log.ts'

/** Plain JSON, part of the status of an app that can load its configuration again. */
export interface DeployStatus {
  /** How many were tried; a caller waits for it to rise. */
  readonly count: number
  /** Of the last one: names of functions and mappings that changed, or why it was not taken. */
  readonly last?: { readonly changed: readonly string[] } | { readonly error: string }
}

export interface Deploys {
  /** Loads and takes; what cannot be taken leaves what ran before, and is logged. One after the other. */
  take(why: Readonly<Record<string, unknown>>): Promise<void>
  status(): DeployStatus
}

export interface DeployParts {
  readonly log: Log
  /** The configuration as it is now. */
  readonly load: () => Promise<unknown>
  readonly reload: (config: unknown) => Promise<ReloadAnswer>
}

export const createDeploys = ({ log, load, reload }: DeployParts): Deploys => {
  let count = 0
  let last: DeployStatus['last']
  let turn: Promise<void> = Promise.resolve()

  const take = async (why: Readonly<Record<string, unknown>>): Promise<void> => {
    try {
      const answer = await reload(await load())
      const changed = [...new Set([...answer.functions, ...answer.mappings])]
      if (changed.length > 0) log.info(`changed: ${changed.join(', ')}`, why)
      last = { changed }
    } catch (error) {
      const { message } = errorInfo(error)
      log.error(`not taken, what ran before goes on: ${message}`, why)
      last = { error: message }
    }
    count += 1
  }
  return {
    take(why) {
      turn = turn.then(() => take(why))
      return turn
    },
    status: () => (last ? { count, last } : { count }),
  }
}
