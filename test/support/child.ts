import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { until } from './until.ts'

/** A process that a test started; it does not outlive the test. */
export interface Child {
  readonly pid: number
  /** All it has written to stdout, and to stderr, so far. */
  output(): string
  errors(): string
  /** Resolves with the first line of stdout that matches; rejects with all output when the process ends before. */
  line(pattern: RegExp): Promise<string>
  write(text: string): void
  kill(signal: NodeJS.Signals): void
  /** Resolves when the process has ended and its output has been read. */
  ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
}

export interface ChildOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
}

/** Starts this Node with `args`; the process is killed by its id when the test ends. */
export const startNode = (context: TestContext, args: readonly string[], options: ChildOptions = {}): Child =>
  startChild(context, process.execPath, args, options)

export const startChild = (
  context: TestContext,
  command: string,
  args: readonly string[],
  { cwd = process.cwd(), env = process.env }: ChildOptions = {},
): Child => {
  const child = spawn(command, args, { cwd, env: withoutRunner(env), stdio: 'pipe' })
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  const ended = endOf(child, command)
  let over = false
  const finished = ended.finally(() => {
    over = true
  })
  finished.catch(() => {})
  context.after(async () => {
    if (!over) child.kill('SIGKILL')
    await finished.catch(() => {})
  })
  return {
    pid: child.pid ?? -1,
    output: stdout,
    errors: stderr,
    line: pattern =>
      until(`a line matches ${pattern}`, () => {
        const found = completeLines(stdout()).find(line => pattern.test(line))
        if (found === undefined && over)
          throw new Error(`${command} ended before a line matched ${pattern}:\n${stdout()}\n${stderr()}`)
        return found
      }),
    write: text => void child.stdin.write(text),
    kill: signal => void child.kill(signal),
    ended: finished,
  }
}

const endOf = async (child: ChildProcess, command: string): Child['ended'] => {
  const failed = once(child, 'error').then(([error]) => {
    throw new Error(`${command} could not be started`, { cause: error })
  })
  const closed = once(child, 'close').then(([code, signal]) => ({ code, signal }))
  return Promise.race([closed, failed])
}

const collect = (stream: NodeJS.ReadableStream): (() => string) => {
  const pieces: Buffer[] = []
  stream.on('data', (piece: Buffer) => pieces.push(piece))
  return () => Buffer.concat(pieces).toString()
}

const completeLines = (text: string): readonly string[] => text.split('\n').slice(0, -1)

/** Node's test runner marks its children by a variable; a `node --test` started below it would run nothing. */
const withoutRunner = ({ NODE_TEST_CONTEXT: _, ...env }: NodeJS.ProcessEnv): NodeJS.ProcessEnv => env
