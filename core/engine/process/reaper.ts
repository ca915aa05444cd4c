/**
 * Sees to it that no environment outlives its host, not even one in a busy loop whose host was killed with SIGKILL.
 *
 * An idle environment notices that fd 3 was closed, a busy one cannot. One small process for the whole host knows the
 * process groups of all environments; the pipe to it closes with the host, however the host ends, and then it kills
 * them, and removes the cgroups and folders that the host kept for them. A thread in each environment could do the same for 4 MB and some milliseconds of cold start each.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Log } from '../../log.ts'
import { compileCacheDir } from '../hosting/compile-cache.ts'
import { moduleBeside } from '../hosting/start.ts'

export interface Reaper {
  /** To be called before the process is given anything to run. */
  add(pid: number): void
  remove(pid: number): void
  /** A cgroup or a folder that is to be removed after the host's end, with all in it; until `release`. */
  keep(kind: 'cgroup' | 'folder', path: string): void
  release(path: string): void
  /** The last holder's close ends the reaper's process. */
  close(): void
}

const HEAP_MB = 16

/** Of all environments of this process, whichever engine they belong to. */
const pids = new Set<number>()
/** What is to be removed, by its path. */
const kept = new Map<string, 'cgroup' | 'folder'>()
let child: ChildProcess | undefined
let holders = 0

/** Starts nothing until there is a process to watch. */
export const openReaper = (log: Log): Reaper => {
  holders += 1
  return {
    add(pid) {
      pids.add(pid)
      if (child) tell(`+${pid}\n`)
      else child = start(log)
    },
    remove(pid) {
      if (pids.delete(pid)) tell(`-${pid}\n`)
    },
    keep(kind, path) {
      kept.set(path, kind)
      tell(`${kind} ${path}\n`)
    },
    release(path) {
      if (kept.delete(path)) tell(`released ${path}\n`)
    },
    close() {
      holders -= 1
      if (holders > 0) return
      const ending = child
      child = undefined
      ending?.stdin?.end()
    },
  }
}

const tell = (line: string): void => {
  child?.stdin?.write(line)
}

const start = (log: Log): ChildProcess => {
  const cacheDir = compileCacheDir()
  const started = spawn(
    process.execPath,
    [`--max-old-space-size=${HEAP_MB}`, moduleBeside(import.meta.url, 'reaper-child')],
    {
      env: cacheDir === undefined ? {} : { NODE_COMPILE_CACHE: cacheDir },
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    },
  )
  // Neither it nor the pipe to it keeps the host alive: it waits for the host's end, not the other way round.
  started.unref()
  const stdin = started.stdin as Socket | null
  stdin?.unref()
  const lost = (why: string): void => {
    if (child !== started) return
    child = undefined
    log.warn(`the reaper of left-over environments ${why}; the next environment starts another`)
  }
  started.on('error', error => lost(`cannot be started: ${error.message}`))
  started.on('exit', () => lost('has ended'))
  stdin?.on('error', error => lost(`cannot be reached: ${error.message}`))
  for (const pid of pids) stdin?.write(`+${pid}\n`)
  for (const [path, kind] of kept) stdin?.write(`${kind} ${path}\n`)
  return started
}
