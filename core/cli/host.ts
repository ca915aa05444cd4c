/** What the command line asks of the rest of Millrace, handed in so that commands are tested without it. */
import type { App, AppOptions } from '../app-contract.ts'
import type { Clock } from '../clock.ts'
import type { ProcessStatus } from '../status-board.ts'

/** The part of an app that commands use. Sending and dead letters work without `start`. */
export interface HostedApp extends Pick<App, 'start' | 'stop' | 'reload' | 'sendOutgoing' | 'invoke' | 'status'> {
  readonly deadLetters: App['deadLetters']
  readonly idempotency: App['idempotency']
}

export interface Host {
  readonly clock: Clock
  createApp(config: unknown, options: AppOptions): Promise<HostedApp>
  /** The absolute state folder of a configuration. Throws CONFIG_INVALID. */
  stateDirOf(config: unknown, folder: string): Promise<string>
  readStatus(stateDir: string): Promise<readonly ProcessStatus[]>
  signal(pid: number, name: 'SIGHUP'): void
  /** Opens a file in the editor of the user, and resolves when it was closed. Throws CLI_USAGE when that fails. */
  editFile(path: string): Promise<void>
  /** Who sits at the terminal, for the audit. */
  user(): string
}

/** Where commands read from and write to. */
export interface Terminal {
  readonly cwd: string
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly stdout: Output
  readonly stderr: Output
  /** Calls `run` at SIGINT and SIGTERM until the answer is called. */
  onSignal(run: () => void): () => void
  /** The same for SIGHUP: the configuration is to be taken as it is now. */
  onReload(run: () => void): () => void
}

export interface Output {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
}

/** 0: done · 1: failed · 2: the command line was not understood. */
export type ExitCode = 0 | 1 | 2

/** A command that has parsed its arguments. */
export interface Run {
  readonly host: Host
  readonly terminal: Terminal
}
