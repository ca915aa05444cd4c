/**
 * Threads that could not be ended: some loops and calls of V8 and of the system are not to be interrupted from within a
 * process. Each keeps a core and its memory until it ends by itself, so it takes a place of its function's, and after a
 * few of them this process starts no more threads at all.
 */
import { channel } from 'node:diagnostics_channel'
import type { FunctionSpec } from '../contract.ts'

/** What `millrace:wedged` on node:diagnostics_channel tells, as it happens. */
export interface WedgedEvent {
  readonly function: string
  readonly environment: string
  /** Of the whole process, with this one. */
  readonly wedged: number
}

/** In one process, whatever functions they run. */
const MOST_WEDGED = 3

const events = channel('millrace:wedged')
/** Functions by the environment that hangs. */
const wedged = new Map<string, string>()

export const noteWedged = (functionName: string, environment: string): void => {
  wedged.set(environment, functionName)
  const event: WedgedEvent = { function: functionName, environment, wedged: wedged.size }
  events.publish(event)
}

/** It has ended after all. */
export const noteFreed = (environment: string): void => {
  wedged.delete(environment)
}

/** Environments of a function that take a place of it without being of any use. */
export const wedgedOf = (functionName: string): number => {
  let count = 0
  for (const name of wedged.values()) if (name === functionName) count += 1
  return count
}

/** Throws when no other thread is to be started. */
export const refuseWhenWedged = ({ name, maxEnvironments }: FunctionSpec): void => {
  const own = wedgedOf(name)
  if (wedged.size < MOST_WEDGED && own < maxEnvironments) return
  const whose = own === wedged.size ? 'this function' : `${[...new Set(wedged.values())].join(', ')}`
  throw new Error(
    `${wedged.size} threads of ${whose} run on although they were ended, and a thread cannot be forced. ` +
      "Write isolation: 'process' for that function, which can be, and restart this process to be rid of them",
  )
}
