/** Keeps a process group to its share of CPU by stopping and continuing it: needs no rights, only /proc. */
import { readFileSync } from 'node:fs'
import type { Cancel, Clock } from '../../clock.ts'
import { type Budget, fullBudget, nextStep } from './budget.ts'

export interface Duty {
  /** Something runs in it: from now on it is watched. */
  begin(): void
  /** Nothing does: it goes on, unwatched. */
  end(): void
}

/** A hundredth of a second: what the kernel counts in for programs, on every architecture Node runs on. */
const MS_PER_TICK = 10

export const createDuty = (pid: number, share: number, clock: Clock): Duty => {
  let budget: Budget | undefined
  let stopped = false
  let cancel: Cancel | undefined

  const look = (): void => {
    cancel = undefined
    const usedMs = cpuTimeMs(pid)
    if (usedMs === undefined) return
    const nowMs = clock.monotonic()
    const step = nextStep(budget ?? fullBudget(share, nowMs, usedMs), share, nowMs, usedMs)
    budget = step.budget
    if (step.run === stopped) signal(step.run ? 'SIGCONT' : 'SIGSTOP')
    stopped = !step.run
    cancel = clock.after(step.againMs, look)
  }
  const signal = (name: 'SIGSTOP' | 'SIGCONT'): void => {
    try {
      process.kill(-pid, name)
    } catch {
      // It has ended, and its environment is told by that; or it is another user's by now, and nothing stops it.
    }
  }

  return {
    begin() {
      if (!cancel) look()
    },
    end() {
      cancel?.()
      cancel = undefined
      if (stopped) signal('SIGCONT')
      stopped = false
    },
  }
}

const UTIME = 11
const STIME = 12

/** Of all its threads, in milliseconds; undefined where the process has ended, or the system does not say. */
export const cpuTimeMs = (pid: number): number | undefined => {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    return undefined
  }
  // The name stands in parentheses and may contain anything: fields are counted from its end.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[UTIME]) + Number(fields[STIME])) * MS_PER_TICK
}
