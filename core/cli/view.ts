/** How a running app is shown: a screen that is drawn again, or lines. */
import type { AppStatus } from '../app-status.ts'
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Terminal } from './host.ts'
import { jsonLine, type LogLine, linesTo, plainLine } from './lines.ts'
import { renderScreen, type View } from './screen.ts'

export type Show = 'screen' | 'lines' | 'json'

export interface LiveView {
  readonly log: Log
  /** Begins to show the status. */
  follow(status: () => AppStatus): void
  /** What stands at the right end of the first line. */
  hint(text: string): void
  /** Leaves the screen as it was found; the last lines of the log stay readable below. */
  close(): void
}

const REDRAW_MS = 250
const KEPT_LINES = 200
const LINES_AFTER = 5
/** The second screen of the terminal, without cursor and without wrapping; and back. */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J'
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l'
const HOME = '\x1b[H'
const CLEAR_REST_OF_LINE = '\x1b[K'

/** A screen needs a terminal; without one there are lines. */
export const chooseShow = (terminal: Terminal, asked: { readonly json?: true; readonly plain?: true }): Show => {
  if (asked.json) return 'json'
  return asked.plain || !terminal.stdout.isTTY ? 'lines' : 'screen'
}

export const openView = (show: Show, terminal: Terminal, clock: Clock): LiveView =>
  show === 'screen' ? screenView(terminal, clock) : lineView(show, terminal, clock)

const lineView = (show: 'lines' | 'json', { stdout }: Terminal, clock: Clock): LiveView => {
  const text = show === 'json' ? jsonLine : plainLine
  return {
    log: linesTo(clock, line => void stdout.write(`${text(line)}\n`)),
    follow() {},
    hint() {},
    close() {},
  }
}

const screenView = ({ stdout }: Terminal, clock: Clock): LiveView => {
  const kept: LogLine[] = []
  const rates = acceptedRates(clock)
  let status: (() => AppStatus) | undefined
  let hint = 'Ctrl-C stops'
  let cancel: (() => void) | undefined

  const draw = (): void => {
    if (!status) return
    const now = status()
    const view: View = { status: now, perSecond: rates(now), log: kept, now: clock.now(), hint }
    const screen = renderScreen(view, { columns: stdout.columns ?? 80, rows: stdout.rows ?? 24 })
    stdout.write(HOME + screen.replaceAll('\n', `${CLEAR_REST_OF_LINE}\n`) + CLEAR_REST_OF_LINE)
  }
  const tick = (): void => {
    draw()
    cancel = clock.after(REDRAW_MS, tick)
  }
  return {
    log: linesTo(clock, line => {
      kept.push(line)
      if (kept.length > KEPT_LINES) kept.shift()
    }),
    follow(of) {
      status = of
      stdout.write(ENTER)
      tick()
    },
    hint(text) {
      hint = text
      draw()
    },
    close() {
      cancel?.()
      if (status) stdout.write(LEAVE)
      status = undefined
      for (const line of kept.slice(-LINES_AFTER)) stdout.write(`${plainLine(line)}\n`)
    },
  }
}

const RATE_MS = 1_000

/** Records accepted per second by mapping, measured over the last second or a little more. */
const acceptedRates = (clock: Clock): ((status: AppStatus) => ReadonlyMap<string, number>) => {
  let since = clock.monotonic()
  let before = new Map<string, number>()
  let rates = new Map<string, number>()
  return status => {
    const passedMs = clock.monotonic() - since
    if (passedMs < RATE_MS) return rates
    const accepted = new Map(status.mappings.map(({ name, counts }) => [name, counts.accepted]))
    rates = new Map(
      [...accepted].map(([name, total]) => [
        name,
        Math.max(Math.round(((total - (before.get(name) ?? total)) * 1_000) / passedMs), 0),
      ]),
    )
    before = accepted
    since += passedMs
    return rates
  }
}
