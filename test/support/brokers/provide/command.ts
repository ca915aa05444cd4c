/** Commands of installers: never without an end, and with their last lines when they fail. */
import { spawn } from 'node:child_process'
import { sleep, systemClock } from '../../../../core/clock.ts'

export interface Ended {
  /** `undefined` when it worked, otherwise why not, in one line. */
  readonly failure: string | undefined
  readonly output: string
}

const GRACE_MS = 5_000

/** Ends the command and its children when `signal` aborts. */
export const runCommand = async (
  command: string,
  args: readonly string[],
  signal: AbortSignal,
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> => {
  if (signal.aborted) return { failure: `no time was left for ${command}`, output: '' }
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const pieces: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => pieces.push(piece))
  const over = new AbortController()
  const end = (): void => {
    killGroup(child.pid, 'SIGTERM')
    void sleep(systemClock, GRACE_MS, over.signal).then(() => {
      if (!over.signal.aborted) killGroup(child.pid, 'SIGKILL')
    })
  }
  signal.addEventListener('abort', end, { once: true })
  const code = await new Promise<number | null>(resolve => {
    child.on('error', () => resolve(null))
    child.on('exit', resolve)
  })
  over.abort()
  signal.removeEventListener('abort', end)
  const output = Buffer.concat(pieces).toString().trim()
  if (code === 0) return { failure: undefined, output }
  const why = signal.aborted ? 'took too long' : (output.split('\n').at(-1) ?? '')
  return { failure: `${command} failed: ${why}`, output }
}

const killGroup = (pid: number | undefined, signal: NodeJS.Signals): void => {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch (error) {
    // It ended by itself in the meantime.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
