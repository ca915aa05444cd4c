/**
 * Alerts on dead letters: a failure nobody has seen before, more of them than there should be, one that waits for too long.
 * They are sent once, by whichever process sees it first. An alert that cannot be sent is tried again and then logged; it
 * never becomes a dead letter.
 */
import { type Clock, sleep } from '../core/clock.ts'
import type { Alert, AlertContent } from '../core/dead-letters.ts'
import { errorInfo } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { AlarmStore } from './store.ts'

export interface AlertRule {
  /** Resolves once it was taken. */
  readonly send: (alert: Alert, signal: AbortSignal) => Promise<void>
  readonly newFailure: boolean
  readonly rate?: { readonly letters: number; readonly withinMs: number } | undefined
  readonly olderThanMs?: number | undefined
}

export interface AlertsOptions {
  readonly app: string
  readonly clock: Clock
  readonly log: Log
  /** As the configuration is now. */
  readonly rules: () => readonly AlertRule[]
}

export interface Alerts {
  start(): void
  stop(): Promise<void>
}

/** A name under which it is told once in so many milliseconds. */
type Alarm = readonly [name: string, forMs: number, content: AlertContent]

const LOOK_MS = 10_000
/** What appeared shortly before an app started is told too, unless another has told it. */
const BEFORE_MS = 3_600_000
const SEND_MS = 10_000
const PAUSES_MS = [1_000, 10_000]
const DAY_MS = 24 * 3_600_000

export const createAlerts = (store: AlarmStore, { app, clock, log, rules }: AlertsOptions): Alerts => {
  const stopping = new AbortController()
  let running: Promise<void> | undefined
  let since = clock.now() - BEFORE_MS

  const look = async (): Promise<void> => {
    const now = clock.now()
    for (const [index, rule] of rules().entries())
      for (const [name, forMs, content] of await alarms(rule, now))
        if (await store.claimAlert(`${index}:${name}`, forMs)) await send(rule, { app, at: now, ...content })
    // A letter may be committed a moment after the time it says.
    since = Math.max(since, now - BEFORE_MS)
  }

  const alarms = async (rule: AlertRule, now: number): Promise<readonly Alarm[]> => [
    ...(rule.newFailure ? (await store.newFailures(since)).map(newFailure) : []),
    ...(rule.rate ? await tooMany(rule.rate, now) : []),
    ...(rule.olderThanMs === undefined ? [] : await tooOld(rule.olderThanMs, now)),
  ]

  const tooMany = async (
    { letters, withinMs }: NonNullable<AlertRule['rate']>,
    now: number,
  ): Promise<readonly Alarm[]> => {
    const parked = await store.parkedSince(now - withinMs, letters)
    return parked < letters ? [] : [['rate', withinMs, { alert: 'rate', letters, withinMs }]]
  }

  const tooOld = async (olderThanMs: number, now: number): Promise<readonly Alarm[]> => {
    const letter = await store.oldest()
    if (!letter || letter.firstParkedAt > now - olderThanMs) return []
    const { id, mapping, firstParkedAt } = letter
    return [['age', DAY_MS, { alert: 'age', letter: id, mapping, parkedAt: firstParkedAt }]]
  }

  const send = async (rule: AlertRule, alert: Alert): Promise<void> => {
    for (let tries = 0; ; tries += 1) {
      const error = await sent(rule, alert)
      if (error === undefined) return
      const pauseMs = PAUSES_MS[tries]
      if (pauseMs === undefined || stopping.signal.aborted) {
        log.error('an alert on dead letters could not be sent', { alert: alert.alert, error })
        return
      }
      await sleep(clock, pauseMs, stopping.signal)
    }
  }

  /** What went wrong, or undefined. */
  const sent = async (rule: AlertRule, alert: Alert): Promise<string | undefined> => {
    const late = new AbortController()
    const cancel = clock.after(SEND_MS, () => late.abort(new Error(`no answer within ${SEND_MS} ms`)))
    try {
      const gaveUp = new Promise<never>((_, reject) =>
        late.signal.addEventListener('abort', () => reject(late.signal.reason), { once: true }),
      )
      await Promise.race([rule.send(alert, late.signal), gaveUp])
      return undefined
    } catch (error) {
      return errorInfo(error).message
    } finally {
      cancel()
    }
  }

  const work = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      if (rules().length > 0)
        await look().catch(error =>
          log.warn('dead letters cannot be looked at for alerts', { error: errorInfo(error).message }),
        )
      await sleep(clock, LOOK_MS, stopping.signal)
    }
  }
  return {
    start() {
      running ??= work()
    },
    async stop() {
      stopping.abort()
      await running
    },
  }
}

const newFailure = ({
  group: fingerprint,
  errorName,
  errorMessage,
  letters,
  firstAt,
}: Awaited<ReturnType<AlarmStore['newFailures']>>[number]): Alarm => [
  `new:${fingerprint}`,
  30 * DAY_MS,
  { alert: 'new failure', fingerprint, errorName, errorMessage, letters, firstAt },
]
