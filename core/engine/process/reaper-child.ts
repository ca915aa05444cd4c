/**
 * The reaper's process. Its lines: `+pid`, `-pid`, `cgroup path`, `folder path`, `released path`. When its input ends,
 * SIGKILL to every group that is left, and what is still kept for them is removed.
 */
import { rmSync } from 'node:fs'
import { sleep, systemClock } from '../../clock.ts'
import { removePlace } from '../limits/leftovers.ts'

const groups = new Set<number>()
const cgroups = new Set<string>()
const folders = new Set<string>()
let rest = ''

// A terminal's Ctrl-C is for the host; this process ends when the host has ended.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

process.stdin.setEncoding('utf8')
process.stdin.on('data', (text: string) => {
  const lines = (rest + text).split('\n')
  rest = lines.pop() ?? ''
  for (const line of lines) take(line)
})
process.stdin.on('end', async () => {
  for (const pid of groups) killGroup(pid)
  for (const cgroup of cgroups) await removeAll(cgroup)
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: TRIES })
})

const take = (line: string): void => {
  if (line.startsWith('+')) groups.add(Number(line.slice(1)))
  else if (line.startsWith('-')) groups.delete(Number(line.slice(1)))
  else {
    const space = line.indexOf(' ')
    const path = line.slice(space + 1)
    const kind = line.slice(0, space)
    if (kind === 'cgroup') cgroups.add(path)
    else if (kind === 'folder') folders.add(path)
    else for (const kept of [cgroups, folders]) kept.delete(path)
  }
}

const killGroup = (pid: number): void => {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // ESRCH: it has ended by itself, which is what is wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') process.exitCode = 1
  }
}

const TRIES = 100
const TRY_MS = 10

/** Killed processes leave their cgroup a moment later. */
const removeAll = async (cgroup: string): Promise<void> => {
  for (let tries = 0; tries < TRIES && !removePlace(cgroup); tries += 1) await sleep(systemClock, TRY_MS)
}
