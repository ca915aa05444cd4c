/**
 * What an environment prints: every line goes to the log, the last ones are kept for the report, and both are bounded,
 * because a function may print without end: what is beyond its allowance is counted, told, and thrown away.
 */
import type { Readable } from 'node:stream'
import type { Clock } from '../../clock.ts'
import type { Log } from '../../log.ts'
import { ALLOWED, takeLine, wholeAllowance } from './allowance.ts'
import { createLiner, type Liner } from './liner.ts'

export interface Output {
  /** Reads a stream to its end; its lines are logged at `level`. */
  attach(stream: Readable, level: 'info' | 'warn'): void
  /** A line that did not come through a stream: of `context.log`. False when it is too much: then it is not to be logged. */
  keep(line: string, chars: number): boolean
  /** The same as `attach` for a stream that is read elsewhere. */
  liner(level: 'info' | 'warn'): Liner
  /** A new invocation, or Init: from here on lines are its own. */
  begin(): Page
  /**
   * False while a function prints: a stream does not tell to which of two requests in a row a line belongs, so there
   * must be a pause between them.
   */
  quiet(): boolean
}

/** What one invocation printed. */
export interface Page {
  /** The last lines, oldest first, at most 100; where any were not shown, the last of them says how many in all. */
  lines(): readonly string[]
}

const KEPT_LINES = 100

/** Pages without a line from a stream after which a function counts as quiet again, and a new one for the first time. */
const QUIET_PAGES = 32
const FIRST_QUIET_PAGES = 8

/** A function that prints too much is made to wait at its pipe, so that throwing it away costs the host next to nothing. */
const PAUSE_MS = 20
/** So much is read of a stream without a pause, whatever it is: one line may have no end. */
const READ_CHARS = 1_048_576

/** While it goes on: how often it is said how much was not shown. */
const TOLD_MS = 1_000

interface Hidden {
  readonly lines: number
  readonly chars: number
}

interface Dropped extends Hidden {
  /** Of the first of them, by the monotonic clock. */
  readonly sinceMs: number
}

interface Kept {
  readonly lines: string[]
  hidden: Hidden
}

const NOTHING: Hidden = { lines: 0, chars: 0 }
const NO_LINES: readonly string[] = Object.freeze([])

export const createOutput = (log: Log, clock: Pick<Clock, 'monotonic' | 'after'>): Output => {
  let kept: Kept = { lines: [], hidden: NOTHING }
  let allowance = wholeAllowance(clock.monotonic())
  let dropped: Dropped = { ...NOTHING, sinceMs: 0 }
  let told = false
  let pagesSincePrinted = QUIET_PAGES - FIRST_QUIET_PAGES

  const hold = (line: string): void => {
    kept.lines.push(line)
    if (kept.lines.length > 2 * KEPT_LINES) kept.lines.splice(0, KEPT_LINES)
  }
  const allowed = (chars: number): boolean => {
    const nowMs = clock.monotonic()
    const left = takeLine(allowance, nowMs, chars)
    if (left) {
      allowance = left
      if (nowMs - dropped.sinceMs >= TOLD_MS) tellDropped()
      return true
    }
    if (!told) log.warn(`the function printed more than it may (${ALLOWED}); what is beyond is counted and not shown`)
    told = true
    if (dropped.lines === 0) dropped = { ...dropped, sinceMs: nowMs }
    dropped = { ...plusLine(dropped, chars), sinceMs: dropped.sinceMs }
    kept.hidden = plusLine(kept.hidden, chars)
    return false
  }
  const tellDropped = (): void => {
    if (dropped.lines === 0) return
    log.warn(notShown(dropped))
    dropped = { ...NOTHING, sinceMs: 0 }
  }
  const liner = (level: 'info' | 'warn'): Liner =>
    createLiner((line, cutChars) => {
      pagesSincePrinted = 0
      if (!allowed(line.length)) return
      const shown = cutChars === 0 ? line : `${line}… (${cutChars} more characters)`
      hold(shown)
      log[level](shown)
    })

  return {
    attach(stream, level) {
      const lines = liner(level)
      let readChars = 0
      stream.setEncoding('utf8')
      stream.on('data', (text: string) => {
        lines.write(text)
        readChars += text.length
        if (dropped.lines === 0 && readChars < READ_CHARS) return
        readChars = 0
        stream.pause()
        clock.after(PAUSE_MS, () => stream.resume())
      })
      stream.on('end', () => {
        lines.end()
        tellDropped()
      })
      stream.on('error', error => log.warn(`the output of the function cannot be read: ${error.message}`))
    },
    liner,
    keep(line, chars) {
      if (!allowed(chars)) return false
      hold(line)
      return true
    },
    begin() {
      tellDropped()
      told = false
      const mine: Kept = { lines: [], hidden: NOTHING }
      kept = mine
      pagesSincePrinted += 1
      return {
        lines() {
          if (kept === mine) tellDropped()
          if (mine.hidden.lines > 0) return [...mine.lines.slice(1 - KEPT_LINES), notShown(mine.hidden)]
          return mine.lines.length === 0 ? NO_LINES : mine.lines.slice(-KEPT_LINES)
        },
      }
    },
    quiet: () => pagesSincePrinted >= QUIET_PAGES,
  }
}

const plusLine = ({ lines, chars }: Hidden, more: number): Hidden => ({ lines: lines + 1, chars: chars + more })

const notShown = ({ lines, chars }: Hidden): string =>
  `${lines} lines of the function, with ${chars} characters, were not shown`
