/**
 * Sees to it that no broker outlives the process that started it, not even one that was killed with SIGKILL.
 *
 * A shell in a session of its own reads from a pipe whose other end only the starting process holds. Each line says which
 * process groups are alive at that moment; when the pipe ends, they are killed and the folder is removed.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface Guardian {
  /** From now on exactly these process groups are to be killed. */
  watch(groups: readonly number[]): void
  /** Kills what is watched, removes the folder, and resolves when both is done. */
  close(): Promise<void>
}

/** Runs one command when it is closed, or when this process ends, however that ends. */
export const openLifeline = (command: string, args: readonly string[]): { close(): Promise<void> } => {
  const shell = spawn('sh', ['-c', 'cat > /dev/null; "$@"', 'millrace-broker-lifeline', command, ...args], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const ended = once(shell, 'exit')
  return {
    async close() {
      shell.stdin.end()
      await ended
    },
  }
}

// Children may have groups of their own (PostgreSQL's). `rm` runs twice: a process that was just killed may still have been creating a file.
const SCRIPT = `
groups=
while read -r line; do groups=$line; done
for group in $groups; do
  children=$(cat "/proc/$group/task/$group/children")
  kill -s KILL -- "-$group" $children
done
rm -rf -- "$1" || { sleep 1; rm -rf -- "$1"; }
`

export const openGuardian = (folder: string): Guardian => {
  const shell = spawn('sh', ['-c', SCRIPT, 'millrace-broker-guardian', folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const ended = once(shell, 'exit')
  return {
    watch: groups => void shell.stdin.write(`${groups.join(' ')}\n`),
    async close() {
      shell.stdin.end()
      await ended
    },
  }
}
