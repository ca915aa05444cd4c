/** Why an environment ended, in words: the difference between a crash, a call of process.exit and too much memory. */
import type { ErrorInfo } from '../../contract.ts'
import type { FunctionSpec, Outcome } from '../contract.ts'
import { failedWith } from '../outcomes.ts'
import type { Exit } from './carrier.ts'

export interface Ending {
  readonly exit: Exit
  /** The last lines it printed. */
  readonly lines: readonly string[]
  /** The error that nobody caught, where the process could still tell. */
  readonly uncaught: ErrorInfo | undefined
}

/** What V8 says before it aborts: of its heap, and of tables and arrays that would not fit any heap. */
const V8_OUT_OF_MEMORY = /heap out of memory|Fatal JavaScript invalid size error|Fatal process out of memory/

export const ranOutOfMemory = ({ exit, lines }: Ending): boolean =>
  exit.outOfMemory !== undefined || (exit.code !== 0 && lines.some(line => V8_OUT_OF_MEMORY.test(line)))

export const endedDuring = (spec: FunctionSpec, ending: Ending): Outcome =>
  ranOutOfMemory(ending)
    ? outOfMemory(spec, ending.exit.outOfMemory === 'kernel' ? 'the kernel stopped it there' : 'its heap was full')
    : failedWith('FunctionCrashed', 'FUNCTION_CRASHED', `functions.${spec.name}: ${describeExit(ending)}`)

/** It had ended before this request reached it: the request is given to another environment. */
export const endedBefore = (spec: FunctionSpec): Outcome =>
  failedWith(
    'FunctionCrashed',
    'FUNCTION_CRASHED',
    `functions.${spec.name}: its environment ended between two requests`,
  )

const SHOWN_LINES = 5

export const initEnded = (spec: FunctionSpec, ending: Ending, when: string): string => {
  if (ranOutOfMemory(ending)) return memoryMessage(spec, when)
  return withLastLines(`functions.${spec.name}: ${when}, ${describeExit(ending)}`, ending.lines)
}

/** What Init failed with, and what it printed before. */
export const withLastLines = (why: string, lines: readonly string[]): string => {
  const printed = lines.slice(-SHOWN_LINES).join(' | ')
  return printed === '' ? why : `${why}. It printed: ${printed}`
}

export const outOfMemory = (spec: FunctionSpec, how: string): Outcome =>
  failedWith('FunctionOutOfMemory', 'FUNCTION_OUT_OF_MEMORY', memoryMessage(spec, how))

export const memoryMessage = (spec: FunctionSpec, how: string): string =>
  `functions.${spec.name}: it used more than its memory of ${spec.memoryMb} MB (${how}). Give it more (memory), or smaller batches (batchSize)`

export const describeExit = ({ exit, uncaught }: Ending): string => {
  if (exit.problem !== undefined) return exit.problem
  if (uncaught)
    return `its environment ended because nobody caught ${uncaught.name}: ${uncaught.message}. Await every promise the handler starts, and catch what may fail later`
  if (exit.signal === 'SIGKILL')
    return "its environment was killed from outside (SIGKILL): by hand, or by the kernel because the machine's memory ran out; or it closed fd 3, which is the runtime's"
  if (exit.signal !== null) return `its environment was ended by signal ${exit.signal}`
  return `its environment ended with exit code ${exit.code} in the middle of its work; a function must return, not call process.exit`
}
