import { Readable } from 'node:stream'
import type { ExitCode, Host, Terminal } from '../../core/cli/host.ts'
import { runCommand } from '../../core/cli/program.ts'
import { systemHost } from '../../core/cli/system.ts'
import { systemClock } from '../../core/clock.ts'

export interface Ran {
  readonly code: ExitCode
  readonly out: string
  readonly err: string
}

export interface Asked {
  readonly cwd: string
  /** What stdin has; without it stdin is a terminal. */
  readonly stdin?: string
  readonly host?: Partial<Host>
  /** Is given what sends a signal. */
  readonly onSignal?: (signal: () => void) => void
}

/** Runs one command line inside this process, on a terminal that keeps what is written. */
export const millrace = async (args: readonly string[], { cwd, stdin, host, onSignal }: Asked): Promise<Ran> => {
  const out: string[] = []
  const err: string[] = []
  const terminal: Terminal = {
    cwd,
    stdin: stdin === undefined ? Object.assign(Readable.from([]), { isTTY: true }) : Readable.from([stdin]),
    stdout: { write: text => out.push(text) },
    stderr: { write: text => err.push(text) },
    onSignal(run) {
      onSignal?.(run)
      return () => {}
    },
    onReload: () => () => {},
  }
  const code = await runCommand(args, { host: { ...systemHost, clock: systemClock, ...host }, terminal })
  return { code, out: out.join(''), err: err.join('') }
}
