/** The process of an environment, whatever is spoken with it: its limits, its output, its end, and its kill. */
import type { ChildProcess } from 'node:child_process'
import type { Readable } from 'node:stream'
import type { Clock } from '../../clock.ts'
import type { Exit } from '../hosting/carrier.ts'
import type { Output } from '../hosting/output.ts'
import type { Confinement } from '../limits/limits.ts'
import { familyMemoryMb, privateMemoryMb } from './memory.ts'
import type { Reaper } from './reaper.ts'

export interface HeldParts {
  readonly clock: Clock
  readonly confinement: Confinement
  readonly reaper: Reaper
}

export interface HeldProcess {
  /** Resolves when its limits hold; code of the user is not to run before. */
  readonly entered: Promise<void>
  /** Resolves when it has ended and what it had written was read. */
  readonly ended: Promise<Exit>
  /** SIGTERM, or another signal, to it and everything it started. */
  signal(signal: NodeJS.Signals): void
  /** SIGKILL to it and everything it started. */
  kill(): void
  /** MB it has for itself; undefined where that cannot be told. */
  memoryMb(): number | undefined
  /** Those of all that it has started, too. */
  familyMemoryMb(): number | undefined
  /** It has ended, and nothing is asked of it any more. */
  forget(): void
}

/** Grandchildren that left the group may hold the pipes open: their output is not waited for any longer than this. */
const DRAIN_MS = 250

/** Of a process that leads a group of its own. */
export const holdProcess = (child: ChildProcess, { clock, confinement, reaper }: HeldParts): HeldProcess => {
  const { pid } = child
  const kill = (): void => {
    signalGroup(child, 'SIGKILL')
    confinement.kill()
  }
  if (pid !== undefined) reaper.add(pid)
  const ended = new Promise<Exit>(resolve => {
    child.once('error', error => {
      if (pid !== undefined) return
      confinement.leave()
      resolve({ code: null, signal: null, problem: `its process could not be started: ${error.message}` })
    })
    child.once('exit', (code, signal) => {
      signalGroup(child, 'SIGKILL')
      // A child that the kernel killed earlier is not why this process has ended.
      const killed = signal === 'SIGKILL' && confinement.ranOutOfMemory()
      confinement.leave()
      const finish = (): void => {
        cancel()
        closeAll(child)
        resolve({ code, signal, problem: undefined, ...(killed ? { outOfMemory: 'kernel' } : {}) })
      }
      const cancel = clock.after(DRAIN_MS, finish)
      child.once('close', finish)
    })
  })
  return {
    entered: pid === undefined ? Promise.resolve() : confinement.enter(pid),
    ended,
    signal: signal => signalGroup(child, signal),
    kill,
    memoryMb: () => (pid === undefined ? undefined : privateMemoryMb(pid)),
    familyMemoryMb: () => (pid === undefined ? undefined : familyMemoryMb(pid)),
    forget() {
      if (pid !== undefined) reaper.remove(pid)
    },
  }
}

/** Reads what it prints; without that nothing of it is lost before its pipes are full. */
export const attachOutput = (child: ChildProcess, output: Output): void => {
  if (child.stdout) output.attach(child.stdout, 'info')
  if (child.stderr) output.attach(child.stderr, 'warn')
}

/** Starts a process; what was prepared for it is undone where the system has no room for it. */
export const spawnOr = (undo: () => void, start: () => ChildProcess): ChildProcess => {
  try {
    return start()
  } catch (thrown) {
    undo()
    throw thrown
  }
}

const signalGroup = (child: ChildProcess, signal: NodeJS.Signals): void => {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch (error) {
    // ESRCH: nothing of the group is left, which is what is wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

const closeAll = (child: ChildProcess): void => {
  for (const stream of child.stdio) (stream as Readable | null)?.destroy()
}
