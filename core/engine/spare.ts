/**
 * One environment past Init that waits for the next cold start: what SnapStart gives on Lambda. Its place counts; it is made
 * when there is room for it, and gives way when there is none.
 *
 *   made: import, beforeSnapshot ──▶ kept ── a cold start ──▶ afterRestore ──▶ the pool's
 *     ▲                               └── a function has to wait ──▶ ended
 *     └── after a while, where there is room ◀──────────┘
 */
import type { Cancel, Clock } from '../clock.ts'
import type { ErrorInfo } from '../contract.ts'
import type { Log } from '../log.ts'
import type { Capacity } from './capacity.ts'
import type { FunctionSpec } from './contract.ts'
import type { Environment } from './environment.ts'
import type { Pool } from './pool.ts'

export interface Spare {
  /** What a cold start is given: the spare, or an environment that has to do both by itself. */
  start(): Environment
  /** The pool with the spare's share in what it says and does. */
  beside(pool: Pool): Pool
}

export interface SpareParts {
  readonly spec: Pick<FunctionSpec, 'name' | 'maxEnvironments'>
  readonly clock: Clock
  readonly log: Log
  readonly capacity: Capacity
  readonly create: () => Environment
}

/** The cold start that took the last one is over by then; also how often it is looked whether there is room. */
const REFILL_MS = 250
const FIRST_WAIT_MS = 1_000
const MAX_WAIT_MS = 60_000
const SHUTDOWN_MS = 2_000

interface Kept {
  readonly environment: Environment
  readonly made: Promise<ErrorInfo | undefined>
  readonly sinceMs: number
}

export const keepSpare = ({ spec, clock, log, capacity, create }: SpareParts): Spare => {
  let kept: Kept | undefined
  let pool: Pool | undefined
  let failures = 0
  let closed = false
  let cancel: Cancel | undefined
  const ending = new Set<Promise<void>>()

  const share = capacity.join({
    reserved: 0,
    idleSinceMs: () => kept?.sinceMs,
    endIdle: () => drop(SHUTDOWN_MS),
    serveOne: () => false,
  })
  const letGo = (): Kept | undefined => {
    const mine = kept
    kept = undefined
    if (mine) share.giveBack()
    later(REFILL_MS)
    return mine
  }
  const drop = (graceMs: number): void => {
    const mine = letGo()
    if (!mine) return
    const ended = mine.environment.close(graceMs).finally(() => ending.delete(ended))
    ending.add(ended)
  }
  const later = (waitMs: number): void => {
    if (!closed) cancel ??= clock.after(waitMs, check)
  }
  const check = (): void => {
    cancel = undefined
    if (closed || kept || !pool) return
    const { environments, waiting } = pool.stats()
    if (waiting > 0 || environments >= spec.maxEnvironments || !share.takeFree()) {
      later(REFILL_MS)
      return
    }
    const environment = create()
    const mine: Kept = { environment, made: environment.init(), sinceMs: clock.monotonic() }
    kept = mine
    environment.onGone(() => {
      if (kept === mine) letGo()
    })
    void mine.made.then(problem => {
      if (!problem) failures = 0
      else if (kept === mine) retry(problem)
    })
  }
  const retry = ({ message }: ErrorInfo): void => {
    const waitMs = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** failures)
    failures += 1
    kept = undefined
    share.giveBack()
    later(waitMs)
    log.warn(`functions.${spec.name}: its snapshot could not be made: ${message}; tried again in ${waitMs} ms`)
  }
  const close = async (graceMs: number): Promise<void> => {
    closed = true
    cancel?.()
    drop(graceMs)
    await Promise.all(ending)
  }

  return {
    start() {
      // One that is still being made is sooner there than another one.
      const taken = letGo()
      return taken ? restoring(taken.environment, () => taken.made, 'snapshot') : initialising(create())
    },
    beside(inner) {
      pool = inner
      later(0)
      return {
        ...inner,
        stats() {
          const stats = inner.stats()
          return kept ? { ...stats, environments: stats.environments + 1 } : stats
        },
        retire: async graceMs => {
          share.retire()
          await Promise.all([close(graceMs), inner.retire(graceMs)])
        },
        close: async graceMs => void (await Promise.all([close(graceMs), inner.close(graceMs)])),
      }
    },
  }

  function initialising(environment: Environment): Environment {
    return restoring(environment, () => environment.init(), 'new')
  }

  /** Its Init is whatever is left of that, and then `afterRestore`. */
  function restoring(
    environment: Environment,
    made: () => Promise<ErrorInfo | undefined>,
    from: 'snapshot' | 'new',
  ): Environment {
    let restoreMs = 0
    return {
      ...environment,
      async init() {
        if (from === 'snapshot') restoreMs = -clock.monotonic()
        const problem = await made()
        if (problem) return problem
        if (from === 'new') restoreMs = -clock.monotonic()
        const failed = await environment.restore?.()
        restoreMs += clock.monotonic()
        return failed
      },
      coldStart() {
        const before = environment.coldStart?.()
        return from === 'snapshot' ? { from, restoreMs } : { from, ...before, restoreMs }
      },
    }
  }
}
