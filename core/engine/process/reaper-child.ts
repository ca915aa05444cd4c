/** The reaper's process: `+pid` and `-pid` lines until its input ends, then SIGKILL to every group that is left. */

const groups = new Set<number>()
let rest = ''

// A terminal's Ctrl-C is for the host; this process ends when the host has ended.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

process.stdin.setEncoding('latin1')
process.stdin.on('data', (text: string) => {
  const lines = (rest + text).split('\n')
  rest = lines.pop() ?? ''
  for (const line of lines) {
    const pid = Number(line.slice(1))
    if (line.startsWith('+')) groups.add(pid)
    else groups.delete(pid)
  }
})
process.stdin.on('end', () => {
  for (const pid of groups) killGroup(pid)
})

const killGroup = (pid: number): void => {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // ESRCH: it has ended by itself, which is what is wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') process.exitCode = 1
  }
}
