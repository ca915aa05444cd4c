/** One program of a broker, in a process group of its own, its output in a file. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../until.ts'
import { childGroups, isRunning } from './processes.ts'

export interface Program {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** What its output says once it can be used. */
  readonly ready: RegExp
  /** Another user, for a program that refuses to run as root. */
  readonly as?: RunAs
  /** What it understands by these signals where it is not what everybody does. */
  readonly signals?: Readonly<Partial<Record<NodeJS.Signals, NodeJS.Signals>>>
}

export interface RunAs {
  readonly uid: number
  readonly gid: number
}

export interface Running {
  readonly pid: number
  readonly hasEnded: () => boolean
  readonly ended: Promise<void>
  /** To its whole process group; does nothing when it has ended. */
  signal(signal: NodeJS.Signals): void
  /** Resolves when its output says so; rejects with its last lines when it ends before or takes too long. */
  readonly ready: () => Promise<void>
}

const START_TIMEOUT_MS = 90_000
const LAST_LINES = 25

/** `run` counts the starts of this program: each has an output file of its own in `folder`. */
export const startProgram = (program: Program, folder: string, run: number): Running => {
  const outputFile = join(folder, `${program.name}-${run}.log`)
  const output = openSync(outputFile, 'a')
  const child = spawn(program.command, program.args, {
    cwd: folder,
    env: { ...process.env, ...program.env },
    detached: true,
    stdio: ['ignore', output, output],
    ...program.as,
  })
  closeSync(output)
  let over = false
  const below = new Set<number>()
  const ended = Promise.race([once(child, 'exit'), once(child, 'error')]).then(async () => {
    over = true
    await until(`${program.name} has no process left`, () => ![...below].some(isRunning))
  })
  const pid = child.pid
  if (pid === undefined) throw new Error(`${program.name}: ${program.command} could not be started`)
  return {
    pid,
    hasEnded: () => over,
    ended,
    signal: signal => {
      if (over) return
      // In an orderly end they are told by their parent. Looked for first: one that is being killed soon has no children.
      const groups = signal === 'SIGTERM' ? [] : childGroups(pid)
      process.kill(-pid, program.signals?.[signal] ?? signal)
      for (const group of groups) {
        below.add(group)
        killIfThere(group, signal)
      }
    },
    ready: () => untilReady(program, outputFile, () => over),
  }
}

const untilReady = async ({ name, ready }: Program, outputFile: string, isOver: () => boolean): Promise<void> => {
  const said = (): string => readFileSync(outputFile, 'utf8')
  const lastLines = (): string => said().trimEnd().split('\n').slice(-LAST_LINES).join('\n')
  await until(
    `${name} says ${ready}; it said last:\n${lastLines()}`,
    () => {
      if (ready.test(said())) return true
      if (isOver()) throw new Error(`${name} ended before it was ready:\n${lastLines()}`)
      return false
    },
    { timeoutMs: START_TIMEOUT_MS },
  )
}

const killIfThere = (group: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(-group, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
