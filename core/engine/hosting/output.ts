/**
 * What an environment prints: every line goes to the log, the last ones are kept for the report, and both are bounded,
 * because a function may print without end.
 */
import type { Readable } from 'node:stream'
import type { Log } from '../../log.ts'
import { PRINTED_CHARS } from '../wire/message.ts'

export interface Output {
  /** Reads a stream to its end; its lines are logged at `level`. */
  attach(stream: Readable, level: 'info' | 'warn'): void
  /** A line that did not come through a stream: of `context.log`, already logged. */
  keep(line: string): void
  /** The same for a stream that is read elsewhere. */
  liner(level: 'info' | 'warn'): Liner
  /** A new invocation, or Init: from here on lines are its own, and the allowance is whole again. */
  begin(): Page
  /**
   * False while a function prints: a stream does not tell to which of two requests in a row a line belongs, so there
   * must be a pause between them.
   */
  quiet(): boolean
}

/** Takes the text of one stream in pieces. */
export interface Liner {
  write(text: string): void
  end(): void
}

/** What one invocation printed. */
export interface Page {
  /** The last lines, oldest first; at most 100. */
  lines(): readonly string[]
}

const KEPT_LINES = 100
const MAX_LINE_CHARS = 4_096

/** Pages without a line from a stream after which a function counts as quiet again. */
const QUIET_PAGES = 32

const NO_LINES: readonly string[] = Object.freeze([])

export const createOutput = (log: Log): Output => {
  let kept: string[] = []
  let allowedChars = PRINTED_CHARS
  let told = false
  let pagesSincePrinted = QUIET_PAGES

  const keep = (line: string): void => {
    kept.push(line)
    if (kept.length > 2 * KEPT_LINES) kept.splice(0, KEPT_LINES)
  }
  const emit = (line: string, level: 'info' | 'warn'): void => {
    const shown =
      line.length <= MAX_LINE_CHARS
        ? line
        : `${line.slice(0, MAX_LINE_CHARS)}… (${line.length - MAX_LINE_CHARS} more characters)`
    pagesSincePrinted = 0
    keep(shown)
    log[level](shown)
  }
  const tellOnce = (): void => {
    if (!told) emit('the function printed more than an invocation may (1 MB); the rest is not shown', 'warn')
    told = true
  }
  /** Lines of one stream, which may come in pieces. */
  const liner = (level: 'info' | 'warn'): Liner => {
    let rest = ''
    return {
      write(text) {
        if (allowedChars <= 0) {
          rest = ''
          return
        }
        allowedChars -= text.length
        const lines = (rest + text).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) emit(line, level)
        if (rest.length > MAX_LINE_CHARS) {
          emit(rest, level)
          rest = ''
        }
        if (allowedChars <= 0) tellOnce()
      },
      end() {
        if (rest !== '') emit(rest, level)
        rest = ''
      },
    }
  }

  return {
    attach(stream, level) {
      const lines = liner(level)
      stream.setEncoding('utf8')
      stream.on('data', lines.write)
      stream.on('end', lines.end)
      stream.on('error', error => log.warn(`the output of the function cannot be read: ${error.message}`))
    },
    liner,
    keep,
    begin() {
      const mine: string[] = []
      kept = mine
      allowedChars = PRINTED_CHARS
      told = false
      pagesSincePrinted += 1
      return { lines: () => (mine.length === 0 ? NO_LINES : mine.slice(-KEPT_LINES)) }
    },
    quiet: () => pagesSincePrinted >= QUIET_PAGES,
  }
}
