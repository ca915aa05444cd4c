/**
 * What an environment prints: every line goes to the log, the last ones are kept for the report, and both are bounded,
 * because a function may print without end.
 */
import type { Readable } from 'node:stream'
import type { Log } from '../../log.ts'

export interface Output {
  /** Reads a stream to its end; its lines are logged at `level`. */
  attach(stream: Readable, level: 'info' | 'warn'): void
  /** A line that did not come through a stream: of `context.log`, already logged. */
  keep(line: string): void
  /** A new invocation, or Init: what was kept is dropped and the allowance is whole again. */
  begin(): void
  /** The last lines since `begin`, oldest first; at most 100. */
  lines(): readonly string[]
}

const KEPT_LINES = 100
const MAX_LINE_CHARS = 4_096
/** For one invocation; what is beyond is thrown away unread. */
const ALLOWED_CHARS = 1_048_576

const NO_LINES: readonly string[] = Object.freeze([])

export const createOutput = (log: Log): Output => {
  let kept: string[] = []
  let allowedChars = ALLOWED_CHARS
  let told = false

  const keep = (line: string): void => {
    kept.push(line)
    if (kept.length > 2 * KEPT_LINES) kept = kept.slice(-KEPT_LINES)
  }
  const emit = (line: string, level: 'info' | 'warn'): void => {
    const shown =
      line.length <= MAX_LINE_CHARS
        ? line
        : `${line.slice(0, MAX_LINE_CHARS)}… (${line.length - MAX_LINE_CHARS} more characters)`
    keep(shown)
    log[level](shown)
  }
  const tellOnce = (): void => {
    if (!told) emit('the function printed more than an invocation may (1 MB); the rest is not shown', 'warn')
    told = true
  }

  return {
    attach(stream, level) {
      let rest = ''
      stream.setEncoding('utf8')
      stream.on('data', (text: string) => {
        if (allowedChars <= 0) {
          rest = ''
          return tellOnce()
        }
        allowedChars -= text.length
        const lines = (rest + text).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) emit(line, level)
        if (rest.length > MAX_LINE_CHARS) {
          emit(rest, level)
          rest = ''
        }
      })
      stream.on('end', () => {
        if (rest !== '') emit(rest, level)
        rest = ''
      })
      stream.on('error', error => log.warn(`the output of the function cannot be read: ${error.message}`))
    },
    keep,
    begin() {
      if (kept.length > 0) kept = []
      allowedChars = ALLOWED_CHARS
      told = false
    },
    lines: () => (kept.length === 0 ? NO_LINES : kept.slice(-KEPT_LINES)),
  }
}
