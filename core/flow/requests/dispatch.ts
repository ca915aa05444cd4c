/**
 * Requests on their way to an environment.
 *
 *   take ── too many, breaker open ──▶ given back
 *     │ body checked ── not what the channel takes ──▶ refused
 *     ▼
 *   waiting ── caller gone ──▶ dropped
 *     │      ── no environment in time (`startBy`) ──▶ given back
 *     ▼ the engine grants an environment
 *   running ──▶ concluded
 */
import type { Cancel } from '../../clock.ts'
import type { Delivery } from '../../contract.ts'
import type { Slot } from '../../engine/contract.ts'
import type { MillraceError } from '../../errors.ts'
import { observe } from '../events.ts'
import { BUSY_RETRY_MS, conclude, giveBack, msToProbe, refuse } from './conclude.ts'
import type { RequestFlow, Taken } from './flow.ts'

export interface RequestDispatcher {
  take(delivery: Delivery): void
  /** Resolves when nothing waits or runs. */
  idle(): Promise<void>
  /** Gives back what waits, and asks for no environment any more. */
  close(): void
}

export const createRequestDispatcher = (flow: RequestFlow): RequestDispatcher => {
  const { spec, tools, waiting } = flow
  const { clock, engine } = tools
  const closing = new AbortController()
  let acquiring: 'yes' | 'no' = 'no'
  let cancelExpiry: Cancel | undefined
  let idlers: (() => void)[] = []

  const take = (delivery: Delivery): void => {
    flow.counters.received += 1
    const comeAgainMs = noRoomMs(flow)
    if (comeAgainMs === undefined) check({ delivery, kind: flow.breaker.state === 'open' ? 'probe' : 'ordinary' })
    else giveBack(flow, delivery, comeAgainMs)
  }

  const check = (taken: Taken): void => {
    if (taken.kind === 'probe') flow.probing = 'yes'
    flow.inFlight += 1
    const found = tools.check(taken.delivery.record)
    if (found instanceof Promise) void found.then(problem => admit(taken, problem))
    else admit(taken, found)
  }

  const admit = (taken: Taken, problem: MillraceError | undefined): void => {
    if (problem) {
      refuse(flow, taken.delivery, problem)
      left(taken)
    } else {
      observe('delivered', () => ({ mapping: spec.name, records: [taken.delivery.record] }))
      waiting.push(taken)
      watchExpiry()
      look()
    }
  }

  const look = (): void => {
    if (acquiring === 'yes' || waiting.length === 0 || flow.running >= spec.policy.maxConcurrency) return
    if (closing.signal.aborted) expire(Number.POSITIVE_INFINITY)
    else {
      acquiring = 'yes'
      void acquire()
    }
  }

  const acquire = async (): Promise<void> => {
    const slot = await engine.acquire(spec.functionName, spec.name, closing.signal)
    acquiring = 'no'
    const taken = slot && nextWaiting()
    if (taken) void run(taken, slot)
    else slot?.release()
    look()
  }

  /** Whoever hung up while it waited is dropped: nobody would hear the answer. */
  const nextWaiting = (): Taken | undefined => {
    for (let taken = waiting.shift(); taken; taken = waiting.shift()) {
      if (!taken.delivery.lost.aborted) return taken
      flow.counters.lost += 1
      left(taken)
    }
    return undefined
  }

  const run = async (taken: Taken, slot: Slot): Promise<void> => {
    flow.running += 1
    const report = await slot.invoke(invocationOf(flow, taken.delivery))
    flow.running -= 1
    observe('invoked', () => ({ mapping: spec.name, records: [taken.delivery.record], report }))
    conclude(flow, taken, report)
    left(taken)
    look()
  }

  const left = ({ kind }: Taken): void => {
    if (kind === 'probe') flow.probing = 'no'
    flow.inFlight -= 1
    if (flow.inFlight > 0) return
    for (const resolve of idlers) resolve()
    idlers = []
  }

  /** One timer, for the first that waits: those behind it came later. */
  const watchExpiry = (): void => {
    const startBy = waiting[0]?.delivery.startBy
    if (cancelExpiry || startBy === undefined) return
    cancelExpiry = clock.after(Math.max(1, Math.ceil(startBy - clock.now())), () => {
      cancelExpiry = undefined
      expire(clock.now())
      if (waiting.length > 0) watchExpiry()
    })
  }

  const expire = (until: number): void => {
    const late = waiting.filter(({ delivery: { startBy = Number.POSITIVE_INFINITY } }) => startBy <= until)
    for (const taken of late) {
      waiting.splice(waiting.indexOf(taken), 1)
      giveBack(flow, taken.delivery, BUSY_RETRY_MS)
      left(taken)
    }
  }

  return {
    take,
    idle: () => (flow.inFlight === 0 ? Promise.resolve() : new Promise(resolve => idlers.push(resolve))),
    close() {
      closing.abort()
      cancelExpiry?.()
      expire(Number.POSITIVE_INFINITY)
    },
  }
}

/** When a caller is to come again who cannot be taken now; undefined where there is room. */
const noRoomMs = (flow: RequestFlow): number | undefined => {
  if (flow.inFlight >= flow.spec.policy.maxInFlight) return BUSY_RETRY_MS
  const waitMs = msToProbe(flow)
  // One at a time finds out whether the function works again.
  return waitMs !== undefined && (waitMs > 0 || flow.probing === 'yes') ? Math.max(waitMs, 1) : undefined
}

const invocationOf = ({ spec, tools }: RequestFlow, { record, firstSeen, lost, answerStream }: Delivery) => ({
  requestId: record.id,
  mapping: spec.name,
  channel: spec.channel,
  codec: spec.codec,
  // Whoever asked has been told already what the schema says of the body.
  hasSchema: false,
  events: spec.events,
  order: 'none' as const,
  records: [
    {
      record,
      attempt: 1,
      idempotencyKey: `${spec.app}/${spec.name}/${spec.channel}/${record.id}`,
      fence: tools.nextFences(1),
      firstSeen,
    },
  ],
  ...(answerStream ? { stream: answerStream } : {}),
  signal: lost,
})
