/**
 * The environments of one function.
 *
 *   acquire ─┬─ the function is fast, and no processor is left for another: a place behind the request of a busy one (staging.ts)
 *            ├─ an idle one, the last used first, so that the others go idle and are ended
 *            ├─ neither, and the limits of function, app and ramp allow one more: leave to start it, which `invoke` does
 *            └─ not even that, or others are just being started (pace.ts): wait in turn (direct callers are told to come again)
 *
 * A place is held by each environment that is idle, in use or being started, and by each slot that may start one.
 */
import type { Cancel, Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Capacity } from './capacity.ts'
import type { EngineStats, FunctionSpec, Slot, Throttled, Version } from './contract.ts'
import type { Environment } from './environment.ts'
import { idleEnvironments } from './idle.ts'
import { createInitPause } from './init-pause.ts'
import { createPace } from './pace.ts'
import { keepProvisioned } from './provisioned.ts'
import { turnQueue } from './queue.ts'
import { createRamp } from './ramp.ts'
import { type Granted, type RunParts, runOn } from './run-on.ts'
import { createStaging } from './staging.ts'
import { throttled } from './throttled.ts'
import type { UsageMeter } from './usage.ts'

export interface Pool {
  acquire(mapping: string, signal: AbortSignal): Promise<Slot | undefined>
  tryAcquire(): Slot | Throttled
  stats(): EngineStats
  /** What is reserved for the function belongs to the pool of its next version. */
  retire(graceMs: number): Promise<void>
  close(graceMs: number): Promise<void>
}

export interface PoolParts {
  readonly spec: FunctionSpec
  readonly version: () => Version
  readonly clock: Clock
  readonly log: Log
  readonly capacity: Capacity
  readonly usage: UsageMeter
  readonly start: (initialization: 'on-demand' | 'provisioned-concurrency') => Environment
  /** Places taken by environments that could not be ended; the last one is given all the same, for its start to say so. */
  readonly lost: () => number
  /** Environments to be started at once, 1 or more. */
  readonly startsAtOnce: number
  readonly cpu: RunParts['cpu']
}

/** How long the `shutdown` of an environment that is ended for idleness may take: what Lambda gives. */
const IDLE_SHUTDOWN_MS = 2_000

export const createPool = (parts: PoolParts): Pool => {
  const { spec, clock, log, capacity, start } = parts
  /** Those that hold a place, and those that shut down and hold none any more. */
  const live = new Set<Environment>()
  const ending = new Set<Environment>()
  const running = new Set<Promise<unknown>>()
  const waiting = turnQueue<(slot: Slot | undefined) => void>()
  /** Invocations whose environment ended before they began. */
  const returned: ((granted: Granted | undefined) => void)[] = []
  const staging = createStaging()
  const ramp = createRamp(spec.rampUp, clock)
  const pace = createPace(parts.startsAtOnce, clock)
  let places = 0
  let granted = 0
  let coldStarts = 0
  let invocations = 0
  let refusals = 0
  let closed = false
  let cancelWait: Cancel | undefined

  const track = <T>(work: Promise<T>): Promise<T> => {
    running.add(work)
    const done = (): void => {
      running.delete(work)
    }
    work.then(done, done)
    return work
  }

  const idle = idleEnvironments({
    clock,
    idleMs: spec.idleMs,
    onExpired: () => {
      if (places <= spec.provisioned) return false
      endIdle()
      return true
    },
  })
  const endIdle = (): void => {
    const oldest = idle.shift()
    if (oldest) end(oldest)
  }
  const end = (environment: Environment): void => {
    ending.add(environment)
    leave(environment)
    void track(environment.close(IDLE_SHUTDOWN_MS).finally(() => ending.delete(environment)))
  }
  const leave = (environment: Environment): void => {
    if (live.delete(environment)) freePlace()
  }
  const freePlace = (): void => {
    places -= 1
    share.giveBack()
    provisioned.check()
  }
  const takePlace = (): boolean => {
    if (!share.take()) return false
    places += 1
    return true
  }
  const begin = (initialization: Parameters<typeof start>[0]): Environment => {
    const environment = start(initialization)
    coldStarts += 1
    live.add(environment)
    environment.onGone(() => dropIdle(environment))
    return environment
  }

  const share = capacity.join({
    reserved: spec.reserved,
    idleSinceMs: idle.sinceMs,
    endIdle,
    serveOne: () => {
      provisioned.check()
      return serveOne()
    },
  })

  const provisioned = keepProvisioned({
    spec,
    clock,
    log,
    count: () => places,
    start: () => (takePlace() ? begin('provisioned-concurrency') : undefined),
    onReady: environment => {
      idle.push(environment)
      settleFree()
    },
    onFailed: leave,
    track,
  })

  const grantPlace = (caller?: 'direct'): Granted | Refusal => {
    if (closed) return 'closed'
    const warm = idle.pop()
    if (!warm) {
      if (places >= Math.max(1, spec.maxEnvironments - parts.lost())) return 'function'
      if (ramp.waitMs() > 0 || (!caller && pace.waitMs() > 0)) return 'ramp'
      if (!takePlace()) return 'app'
      ramp.take()
    }
    granted += 1
    return warm ? { kind: 'warm', environment: warm } : { kind: 'start', ...(caller ? { caller } : {}) }
  }
  /** While a processor has nothing to do another environment is of more use than a place behind a busy one. */
  const grant = (caller?: 'direct'): Slot | Refusal => {
    // Lines that say when each request starts and ends are not to be mixed up; who calls directly waits for nobody.
    const apart = closed || spec.reportLines || (caller && idle.size > 0)
    const behind = (): Granted | undefined => {
      const busy = apart ? undefined : staging.next()
      return busy && { kind: 'staged', environment: busy }
    }
    const place = (staging.busy >= parts.startsAtOnce ? behind() : undefined) ?? grantPlace(caller)
    const given = typeof place === 'string' ? (behind() ?? place) : place
    return typeof given === 'string' ? given : slotOf(given)
  }

  /** A slot has come back: whoever is next in turn gets what is free now. */
  const giveBack = (environment: Environment | undefined): void => {
    if (!environment || staging.end(environment) === 0) free(environment)
    settleFree()
  }
  const free = (environment: Environment | undefined): void => {
    granted -= 1
    if (!environment) freePlace()
    else if (!environment.usable() || closed) leave(environment)
    else if (share.owed()) end(environment)
    else idle.push(environment)
  }
  const settleFree = (): void => {
    while (serveOne());
    if (idle.size > 0) share.idled()
  }
  const serveOne = (): boolean => {
    if (returned.length === 0 && waiting.size === 0) return false
    const given = returned.length > 0 ? grantPlace() : grant()
    if (given === 'ramp') waitForStart()
    if (typeof given === 'string') return false
    if ('kind' in given) returned.shift()?.(given)
    else waiting.next()?.(given)
    return true
  }
  const waitForStart = (): void => {
    cancelWait ??= clock.after(Math.max(ramp.waitMs(), pace.waitMs()), () => {
      cancelWait = undefined
      settleFree()
    })
  }

  const runParts: RunParts = {
    ...parts,
    log: log.with({ function: spec.name }),
    staging,
    pace,
    initPause: createInitPause(clock),
    isClosed: () => closed,
    begin: () => begin('on-demand'),
    giveBack,
    onBusy: settleFree,
    again: () => (closed ? NOTHING : new Promise(resolve => returned.push(resolve))),
  }
  const slotOf = (place: Granted): Slot => {
    let used = false
    const once = (): void => {
      if (used) throw new Error(`a slot of function ${spec.name} was used twice`)
      used = true
    }
    return {
      invoke(invocation) {
        once()
        invocations += 1
        return track(runOn(runParts, place, invocation))
      },
      release() {
        once()
        if (place.kind === 'start') ramp.putBack()
        giveBack(place.kind === 'start' ? undefined : place.environment)
      },
    }
  }

  const dropIdle = (environment: Environment): void => {
    if (!idle.remove(environment)) return
    leave(environment)
    settleFree()
  }

  const close = async (graceMs: number): Promise<void> => {
    closed = true
    cancelWait?.()
    provisioned.stop()
    while (waiting.size > 0) waiting.next()?.(undefined)
    for (const giveUp of returned.splice(0)) giveUp(undefined)
    idle.close()
    await Promise.all(
      [...live, ...ending].map(environment => environment.close(graceMs).then(() => leave(environment))),
    )
    await Promise.allSettled(running)
  }

  provisioned.check()
  return {
    acquire(mapping, signal) {
      if (closed || signal.aborted) return NOTHING
      if (returned.length === 0 && waiting.size === 0) {
        const slot = grant()
        if (typeof slot !== 'string') return Promise.resolve(slot)
        if (slot === 'ramp') waitForStart()
      }
      return new Promise(resolve => {
        const waiter = (slot: Slot | undefined): void => {
          signal.removeEventListener('abort', giveUp)
          resolve(slot)
        }
        const giveUp = (): void => {
          waiting.remove(mapping, waiter)
          resolve(undefined)
        }
        waiting.add(mapping, waiter)
        signal.addEventListener('abort', giveUp, { once: true })
      })
    },
    tryAcquire() {
      const slot = returned.length > 0 || waiting.size > 0 ? 'function' : grant('direct')
      if (typeof slot !== 'string') return slot
      refusals += 1
      return throttled(spec, slot, { app: capacity.max, waitMs: ramp.waitMs() })
    },
    stats: () => ({
      environments: live.size + ending.size,
      busy: granted,
      waiting: returned.length + waiting.size,
      coldStarts,
      invocations,
      throttled: refusals,
    }),
    retire(graceMs) {
      share.retire()
      return close(graceMs)
    },
    close,
  }
}

type Refusal = Throttled['throttled']

const NOTHING = Promise.resolve(undefined)
