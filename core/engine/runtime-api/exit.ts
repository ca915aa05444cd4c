/** Why a program ended, in words. */
import type { FunctionSpec, Outcome } from '../contract.ts'
import type { Exit } from '../hosting/carrier.ts'
import { memoryMessage, outOfMemory } from '../hosting/exit.ts'
import { failedWith } from '../outcomes.ts'

export interface Ending {
  readonly exit: Exit
  /** The last lines it printed. */
  readonly lines: readonly string[]
}

export const endedDuring = (spec: FunctionSpec, ending: Ending): Outcome =>
  ending.exit.outOfMemory
    ? outOfMemory(spec, STOPPED)
    : failedWith(
        'FunctionCrashed',
        'FUNCTION_CRASHED',
        `functions.${spec.name}: ${describeExit(ending.exit)} with a request in hand; it must answer, and ask for the next one${printed(ending)}`,
      )

const STOPPED = 'the kernel stopped it there'

export const initEnded = (spec: FunctionSpec, ending: Ending): string =>
  ending.exit.outOfMemory
    ? memoryMessage(spec, STOPPED)
    : `functions.${spec.name}: ${describeExit(ending.exit)} before it asked for a request (GET /2018-06-01/runtime/invocation/next)${printed(ending)}`

export const describeExit = ({ problem, code, signal }: Exit): string => {
  if (problem !== undefined) return `${problem}${hintFor(problem)}`
  if (signal === 'SIGKILL')
    return "its program was killed from outside (SIGKILL): by hand, or by the kernel because the machine's memory ran out"
  return signal === null ? `its program ended with exit code ${code}` : `its program was ended by signal ${signal}`
}

const hintFor = (problem: string): string => {
  if (problem.endsWith('ENOENT'))
    return ' (there is no such program on the PATH, or no such folder: install it, or correct command)'
  if (problem.endsWith('EACCES')) return ' (it may not be executed: chmod +x)'
  return problem.endsWith('ENOEXEC') ? ' (it is no program of this machine, and has no #! line)' : ''
}

const SHOWN_LINES = 5

const printed = ({ lines }: Ending): string =>
  lines.length === 0 ? '' : `. It printed: ${lines.slice(-SHOWN_LINES).join(' | ')}`
