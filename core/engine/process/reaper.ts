/**
 * Sees to it that no environment outlives its host, not even one in a busy loop whose host was killed with SIGKILL.
 *
 * An idle environment notices that fd 3 was closed, a busy one cannot. One small process for each engine knows the
 * process groups of all environments; the pipe to it closes with the host, however the host ends, and then it kills
 * them. A thread in each environment could do the same for 4 MB and some milliseconds of cold start each.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Log } from '../../log.ts'
import { moduleBeside } from './spawn.ts'

export interface Reaper {
  /** To be called before the process is given anything to run. */
  add(pid: number): void
  remove(pid: number): void
  close(): void
}

const HEAP_MB = 16

export const createReaper = (log: Log): Reaper => {
  const pids = new Set<number>()
  let child: ChildProcess | undefined

  const start = (): ChildProcess => {
    const started = spawn(process.execPath, [`--max-old-space-size=${HEAP_MB}`, moduleBeside('reaper-child')], {
      env: {},
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    started.unref()
    // A pipe keeps the process alive like any stream: the host may end while the reaper waits for that.
    ;(started.stdin as { unref?: () => void } | null)?.unref?.()
    const lost = (why: string): void => {
      if (child !== started) return
      child = undefined
      log.warn(`the reaper of left-over environments ${why}; the next environment starts another`)
    }
    started.on('error', error => lost(`cannot be started: ${error.message}`))
    started.on('exit', () => lost('has ended'))
    started.stdin?.on('error', error => lost(`cannot be reached: ${error.message}`))
    for (const pid of pids) started.stdin?.write(`+${pid}\n`)
    return started
  }
  const tell = (line: string): void => {
    child?.stdin?.write(line)
  }

  return {
    add(pid) {
      if (child) tell(`+${pid}\n`)
      pids.add(pid)
      child ??= start()
    },
    remove(pid) {
      if (pids.delete(pid)) tell(`-${pid}\n`)
    },
    close() {
      const ending = child
      child = undefined
      ending?.stdin?.end()
    },
  }
}
