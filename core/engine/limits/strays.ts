/**
 * Processes that left the group of their environment and outlived it, where there is no cgroup to hold them: found by
 * the environment's name among their variables, which whatever is started inherits unless it is told otherwise.
 */
import { readdir, readFile } from 'node:fs/promises'

const PID = /^\d+$/
/** One that is found may have started another meanwhile. */
const ROUNDS = 3

/** SIGKILL to all processes that have `variable` (`NAME=value`) in their environment. Never rejects; nothing without /proc. */
export const killStrays = async (variable: string): Promise<void> => {
  for (let round = 0; round < ROUNDS; round += 1) if ((await killOnce(`\0${variable}\0`)) === 0) return
}

const killOnce = async (needle: string): Promise<number> => {
  const pids = (await readdir('/proc').catch(() => [])).filter(name => PID.test(name) && Number(name) !== process.pid)
  let killed = 0
  for (const pid of pids) {
    // Others' processes cannot be read, and many end while they are asked: those are not the ones that are looked for.
    const variables = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '')
    if (!`\0${variables}`.includes(needle)) continue
    killed += killIfThere(Number(pid))
  }
  return killed
}

const killIfThere = (pid: number): 0 | 1 => {
  try {
    process.kill(pid, 'SIGKILL')
    return 1
  } catch {
    // It has ended by itself.
    return 0
  }
}
