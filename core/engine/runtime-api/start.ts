/** Starts a program that speaks the Runtime API: in a group of its own, in its folder, with the variables of Lambda. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { FunctionSpec, Program } from '../contract.ts'
import { environmentVariables } from '../hosting/start.ts'
import { temporaryIn } from '../limits/workspace.ts'
import { checkPassable } from '../process/passable.ts'
import type { Place } from '../runtime/context.ts'

export interface StartParts {
  readonly spec: FunctionSpec
  readonly program: Program
  readonly place: Place
  /** The environment's own, for what it keeps while it lives. */
  readonly folder: string
  /** Of its Runtime API, `host:port`. */
  readonly address: string
}

/**
 * The function's own `env` wins over all but the address. There are no credentials: it is not on AWS. Throws what spawn
 * throws when the system has no process or file descriptor left, and FUNCTION_INIT_FAILED when it would not take the
 * variables.
 */
export const startProgram = ({ spec, program, place, folder, address }: StartParts): ChildProcess => {
  const [command = '', ...words] = program.command
  const variables = {
    TMPDIR: temporaryIn(folder),
    ...environmentVariables(spec, place, process.env),
    AWS_LAMBDA_RUNTIME_API: address,
  }
  checkPassable(spec.name, variables)
  return spawn(command, words, {
    cwd: program.folder,
    env: variables,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}
